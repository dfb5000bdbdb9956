package health_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/internal/freeport"
	"weir/upstream/health"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs f on each connection to a loopback port until the test ends.
func serve(t *testing.T, f func(net.Conn)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				f(conn)
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// to dials an address.
func to(addr netip.AddrPort) health.Dial {
	return func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", addr.String())
	}
}

// options are complete.
func options(t *testing.T, o health.Options) health.Options {
	t.Helper()
	o, err := o.Complete()
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// answer reads a request's head and sends this.
func answer(text string) func(net.Conn) {
	return func(conn net.Conn) {
		readHead(conn)
		io.WriteString(conn, text)
	}
}

func readHead(conn net.Conn) string {
	var head []byte
	for b := make([]byte, 1); !strings.HasSuffix(string(head), "\r\n\r\n"); head = append(head, b...) {
		if _, err := conn.Read(b); err != nil {
			break
		}
	}
	return string(head)
}

func silent(conn net.Conn) { io.Copy(io.Discard, conn) }

func reset(conn net.Conn) {
	readHead(conn)
	conn.(*net.TCPConn).SetLinger(0)
}

// trickle sends a head one byte at a time, without end.
func trickle(conn net.Conn) {
	io.WriteString(conn, "HTTP/1.1 200 OK\r\nX: ")
	for range 10_000 {
		if _, err := conn.Write([]byte("x")); err != nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func flood(conn net.Conn) {
	readHead(conn)
	io.WriteString(conn, "HTTP/1.1 200 OK\r\nX: ")
	for range 1000 {
		if _, err := io.WriteString(conn, strings.Repeat("x", 1000)); err != nil {
			return
		}
	}
}

func TestProbe(t *testing.T) {
	const patient, hasty = 10 * time.Second, 50 * time.Millisecond
	tests := []struct {
		name    string
		backend func(net.Conn)
		path    string
		timeout time.Duration
		want    string // part of the error; "": well
	}{
		{"connection", silent, "", patient, ""},
		{"200", answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), "/health", patient, ""},
		{"204 of HTTP/1.0", answer("HTTP/1.0 204 No Content\r\n\r\n"), "/", patient, ""},
		{"redirect is not followed", answer("HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\n\r\n"), "/", patient, ""},
		{"body is not awaited", answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), "/", patient, ""},
		{"500", answer("HTTP/1.1 500 Oh\r\n\r\n"), "/", patient, "status 500"},
		{"426", answer("HTTP/1.1 426 Upgrade Required\r\n\r\n"), "/", patient, "status 426"},
		{"101", answer("HTTP/1.1 101 Switching Protocols\r\n\r\n"), "/", patient, "status 101"},
		{"closes", answer(""), "/", patient, "cut short"},
		{"resets", reset, "/", patient, "reset"},
		{"not HTTP", answer("SSH-2.0-\x1b[31mx\r\n\r\n"), "/", patient, "not HTTP"},
		{"endless head", flood, "/", patient, "too large"},
		{"silent", silent, "/", hasty, "no answer in time"},
		{"slow", trickle, "/", hasty, "no answer in time"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			probe := health.NewProbe(to(serve(t, tt.backend)), "backend:80", options(t, health.Options{Path: tt.path}))
			ctx, cancel := context.WithTimeout(t.Context(), tt.timeout)
			defer cancel()
			err := probe(ctx)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "\x1b") {
				t.Errorf("the backend's bytes are in the error %q", err)
			}
		})
	}
}

func TestProbeRefused(t *testing.T) {
	addr := netip.MustParseAddrPort(freeport.Addr(t))
	for _, path := range []string{"", "/"} {
		if err := health.NewProbe(to(addr), "b", options(t, health.Options{Path: path}))(t.Context()); err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("path %q: %v", path, err)
		}
	}
}

func TestProbeRequest(t *testing.T) {
	heads := make(chan string, 1)
	addr := serve(t, func(conn net.Conn) {
		heads <- readHead(conn)
		io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	})
	if err := health.NewProbe(to(addr), "chat.internal:9000", options(t, health.Options{Path: "/ready?deep=1"}))(t.Context()); err != nil {
		t.Fatal(err)
	}
	const want = "GET /ready?deep=1 HTTP/1.1\r\nHost: chat.internal:9000\r\n" +
		"Accept: */*\r\nUser-Agent: weir-health\r\nConnection: close\r\n\r\n"
	if got := <-heads; got != want {
		t.Errorf("sent %q", got)
	}
}
