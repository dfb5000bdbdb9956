package gateway_test

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
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
	t  testing.TB
	ln *net.TCPListener
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

func (b *backend) url() string { return "ws://" + b.ln.Addr().String() }

// accept waits for the gateway to connect.
func (b *backend) accept() *peer {
	b.t.Helper()
	_ = b.ln.SetDeadline(time.Now().Add(patience))
	conn, err := b.ln.Accept()
	if err != nil {
		b.t.Fatalf("no connection came to the backend: %v", err)
	}
	return newPeer(b.t, conn, false)
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

// upgrade reads the gateway's request and answers 101, with more field lines if any are given.
func (p *peer) upgrade(lines ...string) *message {
	p.t.Helper()
	m := p.head()
	p.write(switching(m, lines...))
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
