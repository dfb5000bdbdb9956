package gateway_test

import (
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// TestEarlyBytes sends frames with the request and right behind it. The backend gets none before its 101, then
// all in order.
func TestEarlyBytes(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, nil, b.url())
	client := connect(t, g)
	client.write(handshake("/") + string(client.encode(ws.NewTextFrame([]byte("one")))))
	server := b.accept()
	request := server.head()
	client.send(ws.OpText, "two")
	_ = server.conn.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	if early, err := server.in.Peek(1); err == nil {
		t.Fatalf("%q came before the 101", early)
	}
	server.write(switching(request))
	client.wantStatus(101)
	client.send(ws.OpText, "three")
	for _, text := range []string{"one", "two", "three"} {
		server.want(ws.OpText, text)
	}
	server.send(ws.OpText, "answer")
	client.want(ws.OpText, "answer")
}

// TestFramesBehindTheAnswer come in one segment with the backend's 101.
func TestFramesBehindTheAnswer(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, nil, b.url())
	client := connect(t, g)
	client.write(handshake("/"))
	server := b.accept()
	server.write(head("HTTP/1.1 103 Early Hints", "Link: </a>") + switching(server.head()) + string(ws.MustCompileFrame(ws.NewTextFrame([]byte("hello")))))
	client.wantStatus(101)
	client.want(ws.OpText, "hello")
}

// TestRefusedUpgradeIsNoTunnel lets a backend answer other than 101 and keep its connection open: what the client
// has sent and sends later reaches no backend.
func TestRefusedUpgradeIsNoTunnel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, answer, body string
		status             int
	}{
		{"426", head("HTTP/1.1 426 Upgrade Required", "Sec-WebSocket-Version: 13", "Content-Length: 3", "Connection: keep-alive"), "no\n", 426},
		{"200", head("HTTP/1.1 200 OK", "Content-Length: 2"), "ok", 200},
		{"chunked", head("HTTP/1.1 403 Forbidden", "Transfer-Encoding: chunked"), "3\r\nno\n\r\n0\r\n\r\n", 403},
		{"no body", head("HTTP/1.1 304 Not Modified", "Connection: keep-alive"), "", 304},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := listen(t)
			g := start(t, func(cfg *config.Config) { cfg.CloseTimeout = 100 * time.Millisecond }, b.url())
			client := connect(t, g)
			client.write(handshake("/") + string(client.encode(ws.NewTextFrame([]byte("early")))))
			server := b.accept()
			server.head()
			server.write(c.answer + c.body)
			if m := client.wantStatus(c.status); m.fields.Get("Connection") != "close" {
				t.Errorf("the connection is not said to end: %q", m.text)
			}
			if body := string(client.rest()); body != c.body {
				t.Errorf("body %q, want %q", body, c.body)
			}
			_, _ = client.conn.Write([]byte(handshake("/admin")))
			server.wantEnd()
			b.wantUntouched()
			wantMetric(t, g, `weir_sessions_refused_total{reason="backend_declined"}`, 1)
			wantMetric(t, g, "weir_client_connections", 0)
		})
	}
}

// TestBadAnswers are no proof that the backend has agreed.
func TestBadAnswers(t *testing.T) {
	t.Parallel()
	const accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" // the right one, RFC 6455 section 1.3
	const status, up, conn = "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"
	for name, answer := range map[string]string{
		"no accept":         head(status, up, conn),
		"wrong accept":      head(status, up, conn, "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
		"two accepts":       head(status, up, conn, accept, accept),
		"wrong upgrade":     head(status, "Upgrade: h2c", conn, accept),
		"no upgrade":        head(status, conn, accept),
		"no connection":     head(status, up, accept),
		"HTTP/1.0":          head("HTTP/1.0 101 Switching Protocols", up, conn, accept),
		"two framings":      head("HTTP/1.1 200 OK", "Content-Length: 1", "Transfer-Encoding: chunked"),
		"two lengths":       head("HTTP/1.1 200 OK", "Content-Length: 1", "Content-Length: 2"),
		"a control byte":    head(status, up, conn, accept, "X-A: \x00"),
		"a bare LF":         head(status, up, conn, accept, "X-A: 1\nX-B: 2"),
		"no HTTP":           "SSH-2.0-OpenSSH\r\n\r\n",
		"a head too large":  head(status, up, conn, accept, "X-A: "+strings.Repeat("a", 40<<10)),
		"a frame, unasked":  string(ws.MustCompileFrame(ws.NewTextFrame([]byte("hello")))),
		"interim, then bad": head("HTTP/1.1 103 Early Hints") + head(status, up, conn),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := listen(t)
			g := start(t, nil, b.url())
			client := connect(t, g)
			client.write(handshake("/") + string(client.encode(ws.NewTextFrame([]byte("early")))))
			server := b.accept()
			server.head()
			server.write(answer)
			client.wantStatus(502)
			client.rest()
			server.wantEnd()
			wantMetric(t, g, `weir_sessions_refused_total{reason="backend_bad_answer"}`, 1)
		})
	}
}

// TestNoAnswer has backends that fail before they say anything.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	silent, closing := listen(t), listen(t)
	for _, c := range []struct {
		name, url string
		serve     func()
		status    int
		reason    string
	}{
		{"refused", nobody(t), nil, 502, "backend_connect_failed"},
		{"silent", silent.url(), func() { p := silent.accept(); p.head(); p.wantEnd() }, 504, "backend_answer_timeout"},
		{"closed", closing.url(), func() { p := closing.accept(); p.head(); _ = p.conn.Close() }, 502, "backend_closed_early"},
		{"a black hole", blackHole(t), nil, 504, "backend_connect_timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := start(t, func(cfg *config.Config) {
				cfg.ConnectTimeout, cfg.BackendTimeout = 100*time.Millisecond, 100*time.Millisecond
			}, c.url)
			client := connect(t, g)
			began := time.Now()
			client.write(handshake("/"))
			if c.serve != nil {
				c.serve()
			}
			client.wantStatus(c.status)
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("took %v", took)
			}
			wantMetric(t, g, `weir_sessions_refused_total{reason="`+c.reason+`"}`, 1)
		})
	}
}

// TestNoEndpoint has one backend, known to be down, and --panic=false.
func TestNoEndpoint(t *testing.T) {
	t.Parallel()
	g := start(t, func(cfg *config.Config) {
		cfg.Panic, cfg.HealthInterval, cfg.HealthFall = false, 10*time.Millisecond, 1
	}, nobody(t))
	if !eventually(func() bool { status, _ := ask(t, g, "GET", "/readyz"); return status == 503 }) {
		t.Fatal("still ready")
	}
	client := connect(t, g)
	client.write(handshake("/"))
	client.wantStatus(503)
	wantMetric(t, g, `weir_sessions_refused_total{reason="no_endpoint"}`, 1)
}

// nobody is the address of a port that refuses connections.
func nobody(t testing.TB) string {
	b := listen(t)
	_ = b.ln.Close()
	return b.url()
}

// blackHole is the address of a port whose backlog is full, so that connections neither fail nor stand.
func blackHole(t testing.TB) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err == nil {
		err = syscall.Listen(fd, 0)
	}
	sa, err2 := syscall.Getsockname(fd)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	addr := (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: sa.(*syscall.SockaddrInet4).Port}).String()
	for range 8 {
		conn, err := net.DialTimeout("tcp", addr, 50*time.Millisecond)
		if err != nil {
			return "ws://" + addr
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	t.Fatal("the backlog never fills")
	return ""
}
