package gateway_test

import (
	"bufio"
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

	"github.com/gobwas/ws"

	"weir/gateway"
)

// patience bounds every wait for something that has to come. It is long, as machines that test are busy.
const patience = time.Minute

// peer is one end of a raw connection: a client of the gateway, or a backend behind it.
type peer struct {
	t      testing.TB
	conn   *net.TCPConn
	in     *bufio.Reader
	client bool // its frames are masked, those it gets are not
}

func newPeer(t testing.TB, conn net.Conn, client bool) *peer {
	t.Cleanup(func() { _ = conn.Close() })
	return &peer{t: t, conn: conn.(*net.TCPConn), in: bufio.NewReader(conn), client: client}
}

// connect opens a client's connection; nothing is sent.
func connect(t testing.TB, g *gateway.Gateway) *peer {
	t.Helper()
	conn, err := net.DialTimeout("tcp", g.Addrs()[0].String(), patience)
	if err != nil {
		t.Fatal(err)
	}
	return newPeer(t, conn, true)
}

// session opens a WebSocket through the gateway and returns both its ends.
func session(t testing.TB, g *gateway.Gateway, b *backend) (client, server *peer) {
	t.Helper()
	client = connect(t, g)
	client.write(handshake("/"))
	server = b.accept()
	server.upgrade()
	client.wantStatus(101)
	return client, server
}

// write sends bytes as they are.
func (p *peer) write(text string) {
	p.t.Helper()
	_ = p.conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := p.conn.Write([]byte(text)); err != nil {
		p.t.Fatalf("writing: %v", err)
	}
}

// send sends a whole frame, masked as the peer's role has it.
func (p *peer) send(op ws.OpCode, payload string) {
	p.t.Helper()
	p.write(string(p.encode(ws.NewFrame(op, true, []byte(payload)))))
}

func (p *peer) encode(f ws.Frame) []byte {
	if p.client {
		f = ws.MaskFrame(f)
	}
	return ws.MustCompileFrame(f)
}

// sendClose sends a close frame with a code.
func (p *peer) sendClose(code ws.StatusCode) {
	p.t.Helper()
	p.send(ws.OpClose, string(ws.NewCloseFrameBody(code, "")))
}

// next reads a frame, unmasked; err is io.EOF between two frames.
func (p *peer) next() (ws.Frame, error) {
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	f, err := ws.ReadFrame(p.in)
	if err == nil && f.Header.Masked == p.client {
		err = errors.New("a frame is masked in the wrong direction")
	}
	if err == nil && f.Header.Masked {
		f = ws.UnmaskFrameInPlace(f)
	}
	return f, err
}

// peekPing tells whether the frame that comes next is a ping.
func (p *peer) peekPing() bool {
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	b, err := p.in.Peek(1)
	return err == nil && b[0] == 0x89
}

// want reads the frame that has to come next.
func (p *peer) want(op ws.OpCode, payload string) {
	p.t.Helper()
	f, err := p.next()
	if err != nil || f.Header.OpCode != op || string(f.Payload) != payload {
		p.t.Fatalf("wanted opcode %d %.40q, got opcode %d %.40q, error %v", op, payload, f.Header.OpCode, f.Payload, err)
	}
}

// wantClose reads the close frame that has to come next.
func (p *peer) wantClose(code ws.StatusCode) {
	p.t.Helper()
	f, err := p.next()
	if err != nil || f.Header.OpCode != ws.OpClose {
		p.t.Fatalf("wanted close %d, got opcode %d %.40q, error %v", code, f.Header.OpCode, f.Payload, err)
	}
	if got, _ := ws.ParseCloseFrameData(f.Payload); got != code {
		p.t.Fatalf("wanted close %d, got %d", code, got)
	}
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
