//go:build linux

package load_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"weir/bench/load"
)

// A server that dies leaves what was measured and a clear error.
func TestDyingServer(t *testing.T) {
	target, stop := backend(t)
	crowd := open(t, load.Config{Target: target, Conns: 10})
	w := load.Window{Duration: time.Minute}
	w.Begin = func() { time.AfterFunc(100*time.Millisecond, stop) }
	r, err := crowd.Echo(t.Context(), load.Talk{Size: 10, Window: w})
	if err == nil || r.Faults[load.FaultClosed] != 10 {
		t.Errorf("error %v, faults %v", err, r.Faults)
	}
	if r.Ops == 0 || r.Elapsed <= 0 || r.Elapsed > 30*time.Second {
		t.Errorf("%d echoes in %v", r.Ops, r.Elapsed)
	}
	if _, err := crowd.Hold(t.Context(), time.Second); err == nil {
		t.Error("a crowd of nobody holds")
	}
	if _, err := load.Storm(t.Context(), load.Gale{Target: target, Concurrency: 4, Window: w}); err == nil {
		t.Error("a storm against nobody ends well")
	}
}

// Servers written by hand, each wrong in its own way.
func TestOpenFails(t *testing.T) {
	for _, tc := range []struct {
		name, answer, want string
	}{
		{"refused", "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "403"},
		{"wrong proof", "HTTP/1.1 101 X\r\nSec-WebSocket-Accept: x\r\n\r\n", "Sec-WebSocket-Accept"},
		{"closed", "", "closed by the other side"},
		{"endless", strings.Repeat("x", 10000), "head too long"},
		{"silent", "-", "within"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go answer(l, tc.answer)
			target := target4(netip.MustParseAddrPort(l.Addr().String()))
			_, err = load.Open(t.Context(), load.Config{Target: target, Conns: 3, Patience: 200 * time.Millisecond})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q in it", err, tc.want)
			}
		})
	}
	closed, stop := backend(t)
	stop()
	if _, err := load.Open(t.Context(), load.Config{Target: closed, Conns: 3}); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("nobody listens: %v", err)
	}
}

// answer reads a request from each connection and says what it is told: "-" is nothing, and wait.
func answer(l net.Listener, what string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			c.Read(make([]byte, 4096))
			if what == "-" {
				c.Read(make([]byte, 1))
				return
			}
			c.Write([]byte(what))
		}()
	}
}

// Another implementation as the server: it fragments, pings, and lies when told to.
func TestOddServers(t *testing.T) {
	for _, tc := range []struct {
		name  string
		reply func(ctx context.Context, c *websocket.Conn, b []byte) error
		fault load.Fault
	}{
		{"fragments", func(ctx context.Context, c *websocket.Conn, b []byte) error {
			w, err := c.Writer(ctx, websocket.MessageBinary)
			if err != nil {
				return err
			}
			for len(b) > 0 { // more than the library buffers, so that it sends frames
				n := min(len(b), 5000)
				if _, err := w.Write(b[:n]); err != nil {
					return err
				}
				b = b[n:]
			}
			return w.Close()
		}, ""},
		{"another client's echo", func(ctx context.Context, c *websocket.Conn, b []byte) error {
			b[7] ^= 1
			return c.Write(ctx, websocket.MessageBinary, b)
		}, load.FaultMismatch},
		{"too short", func(ctx context.Context, c *websocket.Conn, b []byte) error {
			return c.Write(ctx, websocket.MessageBinary, b[:len(b)-1])
		}, load.FaultMismatch},
		{"too long", func(ctx context.Context, c *websocket.Conn, b []byte) error {
			return c.Write(ctx, websocket.MessageBinary, append(b, 0))
		}, load.FaultMismatch},
		{"wrong end", func(ctx context.Context, c *websocket.Conn, b []byte) error {
			b[len(b)-1]++
			return c.Write(ctx, websocket.MessageBinary, b)
		}, load.FaultMismatch},
		{"text", func(ctx context.Context, c *websocket.Conn, b []byte) error {
			return c.Write(ctx, websocket.MessageText, b)
		}, load.FaultMismatch},
		{"twice", func(ctx context.Context, c *websocket.Conn, b []byte) error {
			c.Write(ctx, websocket.MessageBinary, b)
			return c.Write(ctx, websocket.MessageBinary, b)
		}, load.FaultMismatch},
		{"close", func(ctx context.Context, c *websocket.Conn, b []byte) error {
			return c.Close(websocket.StatusGoingAway, "")
		}, load.FaultClosed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			target := serveOdd(t, tc.reply)
			crowd := open(t, load.Config{Target: target, Conns: 2})
			r, err := crowd.Echo(t.Context(), load.Talk{Size: 20000, Window: load.Window{Duration: 200 * time.Millisecond}})
			if tc.fault == "" && (err != nil || r.Err() != nil || r.Ops == 0) {
				t.Errorf("%d echoes, %v, %v", r.Ops, err, r.Err())
			}
			if tc.fault != "" && (r.Faults[tc.fault] != 2 || err == nil) {
				t.Errorf("faults %v, error %v; want two of %q", r.Faults, err, tc.fault)
			}
		})
	}
}

// An idle crowd answers pings.
func TestPong(t *testing.T) {
	ponged := make(chan error, 1)
	target := serveConn(t, func(ctx context.Context, c *websocket.Conn) {
		ctx = c.CloseRead(ctx)
		err := c.Ping(ctx)
		if err == nil {
			err = c.Ping(ctx)
		}
		ponged <- err
		<-ctx.Done()
	})
	crowd := open(t, load.Config{Target: target, Conns: 1})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		if err := <-ponged; err != nil {
			t.Error(err)
		}
		cancel()
	}()
	if _, err := crowd.Hold(ctx, 10*time.Second); err != context.Canceled {
		t.Errorf("no pongs within 10 s: %v", err)
	}
}

// serveConn serves each connection with another implementation until the test ends.
func serveConn(t *testing.T, each func(context.Context, *websocket.Conn)) load.Target {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var conns sync.WaitGroup
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conns.Add(1)
		defer conns.Done()
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(-1)
		each(ctx, c)
	}))
	t.Cleanup(func() {
		cancel()
		server.Close()
		conns.Wait()
	})
	target, err := load.ParseTarget(strings.Replace(server.URL, "http:", "ws:", 1))
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// serveOdd answers each message with reply.
func serveOdd(t *testing.T, reply func(context.Context, *websocket.Conn, []byte) error) load.Target {
	return serveConn(t, func(ctx context.Context, c *websocket.Conn) {
		for {
			_, b, err := c.Read(ctx)
			if err != nil || reply(ctx, c, b) != nil {
				return
			}
		}
	})
}
