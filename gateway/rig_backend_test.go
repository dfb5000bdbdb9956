package gateway_test

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"weir/upstream/accept"
)

const sampleKey = "dGhlIHNhbXBsZSBub25jZQ=="

// handshake is a well-formed upgrade request, with more field lines if any are given.
func handshake(target string, lines ...string) string {
	return head(append([]string{"GET " + target + " HTTP/1.1", "Host: weir.test", "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Key: " + sampleKey, "Sec-WebSocket-Version: 13"}, lines...)...)
}

// head joins the lines of a message's head.
func head(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }

// backend is a raw listener, so that a test can answer whatever it likes.
type backend struct {
	t    testing.TB
	ln   *net.TCPListener
	pool *accept.Listener // its sessions, if they share connections; nil for tunnels
}

func listen(t testing.TB) *backend { return listenOn(t, "127.0.0.1:0") }

func listenOn(t testing.TB, addr string) *backend {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return &backend{t: t, ln: ln.(*net.TCPListener)}
}

// listenPool is a backend whose sessions share connections (RFC 8441).
func listenPool(t testing.TB) *backend {
	t.Helper()
	b := listen(t)
	b.pool = accept.New(b.ln, accept.Options{})
	t.Cleanup(func() { _ = b.pool.Close() })
	return b
}

func (b *backend) url() string {
	if b.pool != nil {
		return "h2c://" + b.ln.Addr().String()
	}
	return "ws://" + b.ln.Addr().String()
}

// accept waits for a session to come, which for tunnels is a connection.
func (b *backend) accept() *peer {
	b.t.Helper()
	if b.pool == nil {
		_ = b.ln.SetDeadline(time.Now().Add(patience))
	} else {
		defer time.AfterFunc(patience, func() { _ = b.pool.Close() }).Stop()
	}
	conn, err := b.sessions().Accept()
	if err != nil {
		b.t.Fatalf("nobody came to the backend: %v", err)
	}
	return newPeer(b.t, conn, false)
}

// sessions is where sessions come from.
func (b *backend) sessions() net.Listener {
	if b.pool != nil {
		return b.pool
	}
	return b.ln
}

// serve has each session of the backend served in a goroutine, from its request on.
func (b *backend) serve(serve func(p *peer)) {
	go func() {
		for {
			conn, err := b.sessions().Accept()
			if err != nil {
				return
			}
			p := newPeer(b.t, conn, false)
			go serve(p)
		}
	}()
}

// wantUntouched is for after the client was refused: a connection, if any, would be in the backlog by then.
func (b *backend) wantUntouched() {
	b.t.Helper()
	_ = b.ln.SetDeadline(time.Now().Add(5 * time.Millisecond))
	conn, err := b.ln.Accept()
	if err == nil {
		_ = conn.Close()
		b.t.Fatal("the backend was connected to")
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		b.t.Fatal(err)
	}
}

// asked is the gateway's request for a session.
func (p *peer) asked() *message {
	p.t.Helper()
	if p.request == nil {
		if stream, ok := p.conn.(*accept.Conn); ok {
			p.request = &message{fields: stream.Request().Header}
		} else {
			p.request = p.head()
		}
	}
	return p.request
}

// upgrade agrees to a session, with more field lines if any are given.
func (p *peer) upgrade(lines ...string) *message {
	p.t.Helper()
	m := p.asked()
	stream, ok := p.conn.(*accept.Conn)
	if !ok {
		p.write(switching(m, lines...))
		return m
	}
	fields := http.Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		fields.Add(name, value)
	}
	if err := stream.Respond(fields); err != nil {
		p.t.Fatal(err)
	}
	return m
}

func switching(m *message, lines ...string) string {
	sum := sha1.Sum([]byte(m.fields.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return head(append([]string{"HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:])}, lines...)...)
}

// answer serves one connection of a backend that agrees to everything and echoes nothing. It ends with it.
func answer(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	r, err := http.ReadRequest(in)
	if err != nil {
		return // a check
	}
	_, _ = io.WriteString(conn, switching(&message{fields: r.Header}))
	_, _ = io.Copy(io.Discard, in)
}

// echo is a backend that sends every message back, by a connection for each session.
func echo(t testing.TB) (url string) {
	srv := httptest.NewServer(http.HandlerFunc(serveEcho))
	t.Cleanup(srv.Close)
	return strings.Replace(srv.URL, "http:", "ws:", 1)
}

// echoPool does so by streams (RFC 8441).
func echoPool(t testing.TB) (url string) {
	b := listenPool(t)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = accept.Serve(b.pool, http.HandlerFunc(serveEcho))
	}()
	t.Cleanup(func() { _ = b.pool.Close(); <-ended })
	return b.url()
}

func serveEcho(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer c.CloseNow()
	c.SetReadLimit(-1)
	for {
		kind, b, err := c.Read(r.Context())
		if err != nil || c.Write(r.Context(), kind, b) != nil {
			return
		}
	}
}
