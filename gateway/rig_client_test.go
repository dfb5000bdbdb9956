package gateway_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"strings"
	"testing"
	"time"
)

// patience bounds every wait for something that has to come. It is long, as machines that test are busy.
const patience = time.Minute

// peer is one end of a connection: a client of the gateway, or a backend behind it. It speaks bytes, heads of HTTP and frames.
type peer struct {
	t        testing.TB
	conn     halfCloser // TCP, TLS over it, or a stream of a pooled connection
	tcp      *net.TCPConn
	in       *bufio.Reader
	client   bool     // its frames are masked, those it gets are not
	deflates bool     // the client agreed with the gateway on compression
	request  *message // of a backend's session, once asked has read it
}

// halfCloser is a TCP connection, TLS, or a stream of a pooled connection.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

func newPeer(t testing.TB, conn net.Conn, client bool) *peer {
	t.Cleanup(func() { _ = conn.Close() })
	tcp, _ := conn.(*net.TCPConn)
	return &peer{t: t, conn: conn.(halfCloser), tcp: tcp, in: bufio.NewReader(conn), client: client}
}

// startTLS has a connection that is open speak TLS from now on.
func (p *peer) startTLS(c *tls.Config) (*peer, error) {
	over := tls.Client(p.tcp, c)
	_ = p.tcp.SetDeadline(time.Now().Add(patience))
	err := over.Handshake()
	p.conn, p.in = over, bufio.NewReader(over)
	return p, err
}

// state is what was agreed on for TLS.
func (p *peer) state() tls.ConnectionState { return p.conn.(*tls.Conn).ConnectionState() }

// write sends bytes as they are.
func (p *peer) write(text string) {
	p.t.Helper()
	p.put([]byte(text))
}

func (p *peer) put(b ...[]byte) {
	p.t.Helper()
	if err := p.try(bytes.Join(b, nil)); err != nil {
		p.t.Fatalf("writing: %v", err)
	}
}

// try is put for other goroutines than the test's.
func (p *peer) try(b []byte) error {
	_ = p.conn.SetWriteDeadline(time.Now().Add(4 * patience)) // some write MiB, for an end that first reads much else
	_, err := p.conn.Write(b)
	return err
}

// reset ends a connection with RST.
func (p *peer) reset() {
	if p.tcp != nil {
		_ = p.tcp.SetLinger(0)
		_ = p.tcp.Close()
		return
	}
	_ = p.conn.Close() // a stream's RST_STREAM
}

// bytes reads a body's n bytes.
func (p *peer) bytes(n int) string {
	p.t.Helper()
	b := make([]byte, n)
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.ReadFull(p.in, b); err != nil {
		p.t.Fatalf("in a body: %v", err)
	}
	return string(b)
}

// rest reads what still comes up to the end of the connection, be it orderly or a reset.
func (p *peer) rest() []byte {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	rest, err := io.ReadAll(p.in)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatalf("the connection stayed open, after %.80q", rest)
	}
	return rest
}

// wantEnd reads the end of the connection, with nothing before it.
func (p *peer) wantEnd() {
	p.t.Helper()
	if rest := p.rest(); len(rest) > 0 {
		p.t.Fatalf("wanted the end, got %.80q", rest)
	}
}

// wantEndWithout reads the end of the connection, before which none of these may come.
func (p *peer) wantEndWithout(bad ...string) {
	p.t.Helper()
	rest := string(p.rest())
	for _, b := range bad {
		if strings.Contains(rest, b) {
			p.t.Errorf("went through: %.80q", rest)
		}
	}
}

// wantGoodbye reads the end of TLS, which the gateway has to announce (RFC 8446 section 6.1), and nothing before it.
func (p *peer) wantGoodbye() {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	if b, err := p.in.ReadByte(); err != io.EOF {
		p.t.Fatalf("wanted close_notify, got %q, %v", b, err)
	}
}

// wantAlert is for handshakes that the gateway refuses. In TLS 1.3 a client hears of it with its first read.
func wantAlert(t testing.TB, p *peer, err error) {
	t.Helper()
	if err == nil {
		_, err = p.in.ReadByte()
	}
	var alert tls.AlertError
	var broken *net.OpError
	if !errors.As(err, &alert) && !errors.As(err, &broken) {
		t.Errorf("wanted an alert, got %v", err)
	}
}

// message is the head of a request or of an answer.
type message struct {
	first  string
	fields http.Header
	text   string
}

// head reads up to the empty line.
func (p *peer) head() *message {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	var text strings.Builder
	for !strings.HasSuffix(text.String(), "\r\n\r\n") {
		c, err := p.in.ReadByte()
		if err != nil {
			p.t.Fatalf("in a head, after %q: %v", text.String(), err)
		}
		text.WriteByte(c)
	}
	first, rest, _ := strings.Cut(text.String(), "\r\n")
	fields, err := textproto.NewReader(bufio.NewReader(strings.NewReader(rest))).ReadMIMEHeader()
	if err != nil {
		p.t.Fatalf("%q: %v", text.String(), err)
	}
	return &message{first, http.Header(fields), text.String()}
}

// wantStatus reads an answer's head.
func (p *peer) wantStatus(status int) *message {
	p.t.Helper()
	m := p.head()
	if !strings.HasPrefix(m.first, fmt.Sprintf("HTTP/1.1 %d ", status)) {
		p.t.Fatalf("wanted status %d, got %q", status, m.text)
	}
	return m
}

// answer reads an answer and its body.
func (p *peer) answer() (*message, string) {
	p.t.Helper()
	m := p.head()
	size := 0
	for _, c := range m.fields.Get("Content-Length") {
		size = size*10 + int(c-'0')
	}
	return m, p.bytes(size)
}
