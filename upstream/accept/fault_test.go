package accept_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"weir/upstream/accept"
)

func TestPing(t *testing.T) {
	g := connect(t, listen(t, accept.Options{}))
	_ = g.WritePing(false, [8]byte{1, 2, 3})
	if pong := await[*http2.PingFrame](t, g, 0); !pong.IsAck() || pong.Data != [8]byte{1, 2, 3} {
		t.Errorf("answer %v", pong)
	}
}

func TestMaxStreams(t *testing.T) {
	l := listen(t, accept.Options{MaxStreams: 2})
	g := connect(t, l)
	first := open(t, g, l, 1)
	open(t, g, l, 3)
	g.request(5, false, webSocket...)
	g.expectReset(t, 5, http2.ErrCodeRefusedStream)
	_ = g.WriteData(1, true, nil)
	_ = first.Close()
	open(t, g, l, 7)
}

// Whoever opens and resets without end gets no further than twice the bound, as long as nobody takes the sessions.
func TestRapidReset(t *testing.T) {
	l := listen(t, accept.Options{MaxStreams: 10})
	g := connect(t, l)
	for i := range uint32(20) {
		g.request(2*i+1, false, webSocket...)
		_ = g.WriteRSTStream(2*i+1, http2.ErrCodeCancel)
	}
	g.request(41, false, webSocket...)
	g.expectReset(t, 41, http2.ErrCodeRefusedStream)
	go func() { _, _ = l.Accept() }() // passes over those that are gone
	for stream := uint32(43); ; stream += 2 {
		g.request(stream, false, webSocket...)
		_ = g.WritePing(false, [8]byte{})
		if refused(t, g) == 0 {
			return
		}
	}
}

// refused is the stream that was reset before the answer to a PING; 0: none.
func refused(t testing.TB, g *gateway) (stream uint32) {
	t.Helper()
	for {
		switch f, err := g.ReadFrame(); f := f.(type) {
		case *http2.RSTStreamFrame:
			stream = f.StreamID
		case *http2.PingFrame:
			return stream
		case nil:
			t.Fatal(err)
		}
	}
}

func TestBacklog(t *testing.T) {
	l := listen(t, accept.Options{Backlog: 1})
	g := connect(t, l)
	g.request(1, false, webSocket...)
	g.request(3, false, webSocket...)
	g.expectReset(t, 3, http2.ErrCodeRefusedStream)
	accepted(t, l)
}

// Faults of a stream leave the connection alone.
func TestStreamFaults(t *testing.T) {
	for _, c := range []struct {
		name string
		code http2.ErrCode
		do   func(*gateway)
	}{
		{"data behind END_STREAM", http2.ErrCodeStreamClosed, func(g *gateway) { _ = g.WriteData(1, true, nil); _ = g.WriteData(1, false, []byte("x")) }},
		{"headers in the middle", http2.ErrCodeProtocol, func(g *gateway) { g.request(1, false, webSocket...) }},
		{"window overflow", http2.ErrCodeFlowControl, func(g *gateway) { _ = g.WriteWindowUpdate(1, 1<<31-1) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := listen(t, accept.Options{})
			g := connect(t, l)
			open(t, g, l, 1)
			c.do(g)
			g.expectReset(t, 1, c.code)
			open(t, g, l, 3)
		})
	}
}

// Faults of a connection end it, with GOAWAY, and all its sessions.
func TestConnectionFaults(t *testing.T) {
	huge := strings.Repeat("x", 8<<10)
	for _, c := range []struct {
		name string
		code http2.ErrCode
		do   func(*gateway)
	}{
		{"data on an idle stream", http2.ErrCodeProtocol, func(g *gateway) { _ = g.WriteData(9, false, []byte("x")) }},
		{"a stream number again", http2.ErrCodeProtocol, func(g *gateway) {
			_ = g.WriteRSTStream(1, http2.ErrCodeCancel)
			g.request(1, false, webSocket...)
		}},
		{"an even stream", http2.ErrCodeProtocol, func(g *gateway) { g.request(2, false, webSocket...) }},
		{"window overflow", http2.ErrCodeFlowControl, func(g *gateway) { _ = g.WriteWindowUpdate(0, 1<<31-1) }},
		{"oversized frame", http2.ErrCodeFrameSize, func(g *gateway) { _ = g.WriteRawFrame(http2.FrameData, 0, 1, make([]byte, 17<<10)) }},
		{"ping flood", http2.ErrCodeEnhanceYourCalm, func(g *gateway) {
			var pings bytes.Buffer
			f := http2.NewFramer(&pings, nil)
			for range 1 << 16 {
				_ = f.WritePing(true, [8]byte{})
			}
			for err := error(nil); err == nil; { // a flood is so many in a second, which a busy machine may need for one lot
				_, err = g.conn.Write(pings.Bytes())
			}
		}},
		{"header bomb", http2.ErrCodeEnhanceYourCalm, func(g *gateway) { g.request(3, false, "x", huge) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := listen(t, accept.Options{MaxHeaderSize: 4 << 10})
			g := connect(t, l)
			conn := open(t, g, l, 1)
			go c.do(g)
			if got := await[*http2.GoAwayFrame](t, g, 0); got.ErrCode != c.code {
				t.Errorf("GOAWAY %v %q, want %v", got.ErrCode, got.DebugData(), c.code)
			}
			if _, err := io.ReadAll(conn); err == nil {
				t.Error("the session ended in order")
			}
		})
	}
}

// A shutdown first warns, so that requests on their way are served, and then names the last one.
func TestShutdownSteps(t *testing.T) {
	l := listen(t, accept.Options{})
	g := connect(t, l)
	first := open(t, g, l, 1)
	over := make(chan error, 1)
	go func() { over <- l.Shutdown(t.Context()) }()
	if got := await[*http2.GoAwayFrame](t, g, 0).LastStreamID; got != 1<<31-1 {
		t.Errorf("the first GOAWAY names stream %d", got)
	}
	ping := await[*http2.PingFrame](t, g, 0)
	second := open(t, g, l, 3) // was on its way
	_ = g.WritePing(true, ping.Data)
	if got := await[*http2.GoAwayFrame](t, g, 0).LastStreamID; got != 3 {
		t.Errorf("the last GOAWAY names stream %d, want 3", got)
	}
	g.request(5, false, webSocket...) // comes too late
	g.expectReset(t, 5, http2.ErrCodeRefusedStream)
	for i, c := range []*accept.Conn{first, second} {
		_ = g.WriteData(uint32(2*i+1), true, nil)
		_ = c.Close()
	}
	if err := <-over; err != nil {
		t.Error(err)
	}
}
