//go:build linux

package echo_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"weir/bench/echo"
	"weir/bench/wire"
	"weir/codec/h2"
)

// text is a client's frame, one of several of a message if it is not fin.
func text(opcode byte, fin bool, s string) []byte {
	b := wire.AppendHeader(nil, wire.Header{Fin: fin, Opcode: opcode, Masked: true, Mask: mask, Length: int64(len(s))})
	payload := []byte(s)
	wire.Mask(payload, mask, 0)
	return append(b, payload...)
}

func join(t *testing.T, ctx context.Context, addr netip.AddrPort, path string) *websocket.Conn {
	t.Helper()
	c, _, err := websocket.Dial(ctx, "ws://"+addr.String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.CloseNow() })
	c.SetReadLimit(2 << 20)
	return c
}

func TestFanout(t *testing.T) {
	addr := serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	author, other := join(t, ctx, addr, echo.FanoutPath+"?of=it"), join(t, ctx, addr, "/")
	audience := []*websocket.Conn{join(t, ctx, addr, echo.FanoutPath), join(t, ctx, addr, echo.FanoutPath)}
	said := []string{"one", strings.Repeat("two", 40_000), ""}
	for _, s := range said {
		if err := author.Write(ctx, websocket.MessageText, []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range audience {
		for _, want := range said {
			if kind, got, err := c.Read(ctx); kind != websocket.MessageText || string(got) != want || err != nil {
				t.Fatalf("%v, %d bytes, %v, want %d", kind, len(got), err, len(want))
			}
		}
	}
	// Whoever else is answered gets this first, and so nothing of the above.
	if err := audience[0].Write(ctx, websocket.MessageText, []byte("reply")); err != nil {
		t.Fatal(err)
	}
	if err := other.Write(ctx, websocket.MessageText, []byte("reply")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*websocket.Conn{author, other} {
		if _, got, err := c.Read(ctx); string(got) != "reply" || err != nil {
			t.Errorf("%.20q, %v", got, err)
		}
	}
}

// Members on one HTTP/2 connection and on another; fragments are passed on as one frame.
func TestFanoutOverStreams(t *testing.T) {
	addr := serveH2C(t, 100)
	enter := func(c *client, id uint32, path string) {
		c.out = c.encoder.AppendConnect(c.out, id, "http", []byte("h"), []byte(path), nil)
	}
	listener := dial(t, addr, h2.DefaultSettings())
	defer listener.Close()
	enter(listener, 1, echo.FanoutPath)
	enter(listener, 3, "/")
	listener.data(3, nil, true)
	listener.flush()
	listener.until(1) // now the backend knows of stream 1 too
	author := dial(t, addr, h2.DefaultSettings())
	defer author.Close()
	enter(author, 1, echo.FanoutPath)
	enter(author, 3, echo.FanoutPath)
	enter(author, 5, "/")
	for _, f := range [][]byte{text(wire.Text, false, "a"), text(wire.Ping, true, "p"), text(wire.Continuation, true, "bc")} {
		author.data(1, f, false)
	}
	author.flush()
	author.await(3, len("\x81\x03abc"))
	for _, id := range []uint32{1, 3, 5} {
		author.data(id, nil, true)
	}
	author.flush()
	got := author.until(3)
	for _, want := range []string{"stream 1: 200 " + hexed([]byte("\x8a\x01p")) + " end", "stream 3: 200 " + hexed([]byte("\x81\x03abc")) + " end", "stream 5: 200  end"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
	listener.await(1, len("\x81\x03abc"))
	if string(listener.got[1]) != "\x81\x03abc" {
		t.Errorf("the other connection got %q", listener.got[1])
	}
}

// One that does not read what others say is held for only so long, on its own connection or on a stream.
func TestFanoutDropsThoseWhoDoNotRead(t *testing.T) {
	message := text(wire.Binary, true, strings.Repeat("x", 64<<10))
	upgraded := func(addr netip.AddrPort) net.Conn {
		c, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(20 * time.Second))
		c.Write(wire.AppendRequest(nil, "h", echo.FanoutPath, "dGhlIHNhbXBsZSBub25jZQ=="))
		if n, err := c.Read(make([]byte, 1024)); n == 0 {
			t.Fatal(err)
		}
		return c
	}
	t.Run("connection", func(t *testing.T) {
		addr := serve(t)
		slow, author := upgraded(addr), upgraded(addr)
		const messages = 1000 // far more than the kernel's buffers hold
		for range messages {
			if _, err := author.Write(message); err != nil {
				t.Fatal(err)
			}
		}
		n, err := io.Copy(io.Discard, slow)
		if !errors.Is(err, syscall.ECONNRESET) || n >= messages*64<<10 {
			t.Errorf("%d bytes, %v", n, err)
		}
	})
	t.Run("stream", func(t *testing.T) {
		addr := serveH2C(t, 100)
		slow := dial(t, addr, h2.DefaultSettings())
		defer slow.Close()
		slow.out = slow.encoder.AppendConnect(slow.out, 1, "http", []byte("h"), []byte(echo.FanoutPath), nil)
		slow.flush()
		slow.await(1, 0)
		author := dial(t, addr, h2.DefaultSettings())
		defer author.Close()
		author.out = author.encoder.AppendConnect(author.out, 1, "http", []byte("h"), []byte(echo.FanoutPath), nil)
		author.flush()
		for range 4<<20/(64<<10) + 2 { // the windows are never opened
			author.data(1, message, false)
			author.flush()
			author.await(1, 0)
		}
		if got := slow.until(1); !strings.Contains(got, "reset 1 ENHANCE_YOUR_CALM") {
			t.Errorf("%.200s", got[max(0, len(got)-200):])
		}
	})
}

func TestFanoutRefusesTheEndless(t *testing.T) {
	addr := serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	author := join(t, ctx, addr, echo.FanoutPath)
	author.Write(ctx, websocket.MessageBinary, make([]byte, 1<<20+1))
	if _, _, err := author.Read(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("a message of more than a megabyte was taken: %v", err)
	}
}
