package interop

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
	"weir/upstream/accept"
)

// Where one side breaks the protocol, what the other has to say about what came before is delivered first. Echo suites look for
// that (Autobahn's cases 3.2 to 3.4, 4.1.3 to 4.1.5, 4.2.3 to 4.2.5 and 5.15).

// broken is what breaks the protocol once, behind a message.
var broken = []struct {
	name string
	says []ws.Frame
	echo string // the message
}{
	{"RSV 2", fault(ws.OpText, 2, "Hello, world!"), "Hello, world!"},
	{"RSV 3", fault(ws.OpText, 3, "Hello, world!"), "Hello, world!"},
	{"RSV 4", fault(ws.OpText, 4, "Hello, world!"), "Hello, world!"},
	{"opcode 5", fault(5, 0, ""), "Hello, world!"},
	{"opcode 6", fault(6, 0, "Hello, world!"), "Hello, world!"},
	{"opcode 7", fault(7, 0, "Hello, world!"), "Hello, world!"},
	{"opcode 13", fault(13, 0, ""), "Hello, world!"},
	{"opcode 14", fault(14, 0, "Hello, world!"), "Hello, world!"},
	{"opcode 15", fault(15, 0, "Hello, world!"), "Hello, world!"},
	{"nothing to continue", []ws.Frame{
		ws.NewFrame(ws.OpText, false, []byte("fragment1")), ws.NewFrame(ws.OpContinuation, true, []byte("fragment2")),
		ws.NewFrame(ws.OpContinuation, false, []byte("fragment3")), ws.NewTextFrame([]byte("fragment4")),
	}, "fragment1fragment2"},
}

// fault is a frame that may not be, between a message and a ping.
func fault(op ws.OpCode, rsv byte, payload string) []ws.Frame {
	bad := ws.NewFrame(op, true, []byte(payload))
	bad.Header.Rsv = rsv
	return []ws.Frame{ws.NewTextFrame([]byte("Hello, world!")), bad, ws.NewPingFrame(nil)}
}

// pieces are the frames as a client sends them, at once, one by one or byte by byte.
func pieces(frames []ws.Frame) (ways map[string][]string) {
	ways = map[string][]string{}
	var all strings.Builder
	for _, f := range frames {
		b := string(ws.MustCompileFrame(ws.MaskFrame(f)))
		all.WriteString(b)
		ways["frame by frame"] = append(ways["frame by frame"], b)
	}
	ways["at once"], ways["byte by byte"] = []string{all.String()}, strings.Split(all.String(), "")
	return ways
}

// wires are a listener for clients and a scheme of backends each.
var wires = []struct {
	name, client, backend string
	pooled                bool
}{
	{"tunnel in clear", "ws", "ws://", false}, {"tunnel over TLS", "wss", "ws://", false},
	{"pool in clear", "ws", "h2c://", true}, {"pool over TLS", "wss", "h2c://", true},
}

// frontOf is a gateway in front of one backend, and how a client opens a session.
func frontOf(t *testing.T, client, backend string) (open func(t testing.TB) peerConn) {
	files := newCertificate(t, "site").install(t, t.TempDir())
	f := tuned(t, func(c *config.Config) {
		c.CloseTimeout = 2 * patience // half of it is for the other side to answer
		if client == "wss" {
			c.TLSListen, c.Listen, c.TLSCert, c.TLSKey = c.Listen, nil, []string{files.cert}, []string{files.key}
		}
	}, backend)
	return func(t testing.TB) peerConn {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		dialer := ws.Dialer{TLSConfig: &tls.Config{InsecureSkipVerify: true}}
		c, early, _, err := dialer.Dial(ctx, client+"://"+f.Addr+"/")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if early == nil {
			early = bufio.NewReader(c)
		}
		return newPeerConn(c, early, true)
	}
}

// peerConn is an open session, at either end.
type peerConn struct {
	net.Conn
	in     *bufio.Reader
	client bool
}

func newPeerConn(c net.Conn, in *bufio.Reader, client bool) peerConn {
	_ = c.SetDeadline(time.Now().Add(patience))
	return peerConn{c, in, client}
}

func (p peerConn) say(t testing.TB, frames ...ws.Frame) {
	t.Helper()
	var all []byte
	for _, f := range frames {
		if p.client {
			f = ws.MaskFrame(f)
		}
		all = append(all, ws.MustCompileFrame(f)...)
	}
	if _, err := p.Write(all); err != nil {
		t.Fatal(err)
	}
}

// hear is the payload of all messages up to a close frame, whose code is told.
func (p peerConn) hear(t testing.TB) (messages string, code ws.StatusCode) {
	t.Helper()
	for {
		f, err := ws.ReadFrame(p.in)
		if err != nil {
			t.Fatalf("no close frame after %q: %v", messages, err)
		}
		f = ws.UnmaskFrameInPlace(f)
		switch f.Header.OpCode {
		case ws.OpClose:
			code, _ = ws.ParseCloseFrameData(f.Payload)
			return messages, code
		case ws.OpText, ws.OpContinuation:
			messages += string(f.Payload)
		default:
			t.Fatalf("a frame with opcode %d after %q", f.Header.OpCode, messages)
		}
	}
}

func (p peerConn) wantEnd(t testing.TB) {
	t.Helper()
	if b, err := io.ReadAll(p.in); len(b) > 0 || err != nil {
		t.Errorf("%q and %v instead of the end", b, err)
	}
}

// TestEchoBeforeAFault: what a client had sent before it broke the protocol comes back, and nothing of what it sent later.
func TestEchoBeforeAFault(t *testing.T) {
	t.Parallel()
	for _, wire := range wires {
		if !wire.pooled {
			t.Run(wire.name, func(t *testing.T) {
				t.Parallel()
				b := startRaw(t, "127.0.0.1:0")
				b.echo(t)
				playBroken(t, frontOf(t, wire.client, b.url()))
			})
			continue
		}
		for _, b := range echoBackends {
			if b.name == "Hypercorn" {
				continue // it drops what its application still says once a close frame has come, an ordinary one too
			}
			t.Run(wire.name+" to "+b.name, func(t *testing.T) {
				t.Parallel()
				playBroken(t, frontOf(t, wire.client, wire.backend+b.start(t)))
			})
		}
	}
}

func playBroken(t *testing.T, open func(testing.TB) peerConn) {
	for _, c := range broken {
		for way, parts := range pieces(c.says) {
			client := open(t)
			for _, part := range parts {
				if _, err := io.WriteString(client, part); err != nil {
					t.Fatalf("%s, %s: %v", c.name, way, err)
				}
			}
			if got, code := client.hear(t); got != c.echo || code != ws.StatusProtocolError {
				t.Errorf("%s, %s: got %q and the code %d", c.name, way, got, code)
			}
			client.say(t, ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusProtocolError, "")))
			client.wantEnd(t)
		}
	}
}

// TestLastWordsForABackendsFault: what a client has to say after its backend broke the protocol reaches the backend, up to the
// client's close frame.
func TestLastWordsForABackendsFault(t *testing.T) {
	t.Parallel()
	for _, wire := range wires {
		t.Run(wire.name, func(t *testing.T) {
			t.Parallel()
			addr, next := startEither(t, wire.pooled)
			open := frontOf(t, wire.client, wire.backend+addr)
			for _, c := range broken {
				client, backend := open(t), next(t)
				backend.say(t, c.says...)
				if got, code := client.hear(t); got != c.echo || code != ws.StatusProtocolError {
					t.Errorf("%s: the client got %q and the code %d", c.name, got, code)
				}
				client.say(t, ws.NewTextFrame([]byte("last words")), ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusProtocolError, "")))
				if got, code := backend.hear(t); got != "last words" || code != ws.StatusProtocolError {
					t.Errorf("%s: the backend got %q and the code %d", c.name, got, code)
				}
				backend.say(t, ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusProtocolError, "")))
				_ = backend.Close()
				client.wantEnd(t)
			}
		})
	}
}

// startEither is a backend whose test has the sessions.
func startEither(t *testing.T, pooled bool) (addr string, next func(t testing.TB) peerConn) {
	if !pooled {
		b := startRaw(t, "127.0.0.1:0")
		return b.ln.Addr().String(), func(t testing.TB) peerConn {
			c := b.next(t)
			return newPeerConn(c, bufio.NewReader(c), false)
		}
	}
	l, err := accept.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns := make(chan net.Conn, 8)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if conn.(*accept.Conn).Respond(nil) == nil {
				conns <- conn
			}
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-ended })
	return l.Addr().String(), func(t testing.TB) peerConn {
		c := await(t, conns, "a session")
		t.Cleanup(func() { _ = c.Close() })
		return newPeerConn(c, bufio.NewReader(c), false)
	}
}
