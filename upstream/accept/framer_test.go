package accept_test

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"weir/upstream/accept"
)

// gateway is the other side of a connection, whose test decides about every frame.
type gateway struct {
	*http2.Framer
	conn    net.Conn
	block   bytes.Buffer
	encoder *hpack.Encoder
}

func connect(t testing.TB, l net.Listener, settings ...http2.Setting) *gateway {
	t.Helper()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	g := &gateway{Framer: http2.NewFramer(conn, conn), conn: conn}
	g.encoder = hpack.NewEncoder(&g.block)
	g.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	g.AllowIllegalWrites = true
	_, _ = io.WriteString(conn, http2.ClientPreface)
	_ = g.WriteSettings(settings...)
	return g
}

var webSocket = []string{":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":path", "/room?a=b", ":authority", "example.org"}

func (g *gateway) request(stream uint32, end bool, fields ...string) {
	g.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		_ = g.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	_ = g.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: g.block.Bytes(), EndHeaders: true, EndStream: end})
}

// await is the next frame of a kind that is about the stream.
func await[F http2.Frame](t testing.TB, g *gateway, stream uint32) (f F) {
	t.Helper()
	for {
		next, err := g.ReadFrame()
		if err != nil {
			t.Fatalf("no %T on stream %d: %v", f, stream, err)
		}
		if f, ok := next.(F); ok && next.Header().StreamID == stream {
			return f
		}
	}
}

func accepted(t testing.TB, l net.Listener) *accept.Conn {
	t.Helper()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c.(*accept.Conn)
}

// open gives both ends of a session whose handshake was accepted.
func open(t testing.TB, g *gateway, l net.Listener, stream uint32) *accept.Conn {
	t.Helper()
	g.request(stream, false, webSocket...)
	c := accepted(t, l)
	if err := c.Respond(nil); err != nil {
		t.Fatal(err)
	}
	if got := await[*http2.MetaHeadersFrame](t, g, stream).PseudoValue("status"); got != "200" {
		t.Fatalf("status %s", got)
	}
	return c
}

func (g *gateway) expectReset(t testing.TB, stream uint32, code http2.ErrCode) {
	t.Helper()
	if got := await[*http2.RSTStreamFrame](t, g, stream); got.ErrCode != code {
		t.Errorf("stream %d was reset with %v, want %v", stream, got.ErrCode, code)
	}
}
