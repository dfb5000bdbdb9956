//go:build linux

package echo_test

import (
	"bytes"
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
	"go.uber.org/goleak"

	"weir/bench/echo"
	"weir/bench/epoll"
	"weir/bench/epoll/epolltest"
	"weir/bench/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running runs a backend until the test ends.
func running(t *testing.T, server *epoll.Server, err error) netip.AddrPort {
	t.Helper()
	addr, _ := epolltest.Run(t, server, err)
	return addr
}

var anyPort = netip.MustParseAddrPort("127.0.0.1:0")

func serve(t *testing.T) netip.AddrPort {
	t.Helper()
	server, err := echo.Serve(anyPort)
	return running(t, server, err)
}

func serveH2C(t *testing.T, maxStreams uint32) netip.AddrPort {
	t.Helper()
	server, err := echo.ServeH2C(anyPort, maxStreams)
	return running(t, server, err)
}

func TestEchoToAnotherImplementation(t *testing.T) {
	addr := serve(t)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws://"+addr.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(8 << 20)
	for _, size := range []int{0, 1, 125, 126, 65535, 65536, 4 << 20} {
		sent := bytes.Repeat([]byte("weir"), size/4+1)[:size]
		go conn.Write(ctx, websocket.MessageBinary, sent)
		kind, got, err := conn.Read(ctx)
		if err != nil || kind != websocket.MessageBinary || !bytes.Equal(got, sent) {
			t.Fatalf("%d bytes: %v, %d bytes, %v", size, kind, len(got), err)
		}
	}
	if err := conn.Write(ctx, websocket.MessageText, []byte("text")); err != nil {
		t.Fatal(err)
	}
	if kind, got, err := conn.Read(ctx); kind != websocket.MessageText || string(got) != "text" || err != nil {
		t.Fatalf("%v %q %v", kind, got, err)
	}
	conn.CloseRead(ctx) // reads the pong
	if err := conn.Ping(ctx); err != nil {
		t.Error(err)
	}
	if err := conn.Close(4321, "done"); err != nil {
		t.Errorf("the close was not answered: %v", err)
	}
}

// A whole conversation, the handshake included, gives the same answer however it is cut.
func TestEverySplit(t *testing.T) {
	addr := serve(t)
	stream := wire.AppendRequest(nil, "h", "/", "dGhlIHNhbXBsZSBub25jZQ==")
	for _, h := range []wire.Header{
		{Opcode: wire.Text, Length: 3}, {Fin: true, Opcode: wire.Ping, Length: 4},
		{Fin: true, Length: 130}, {Fin: true, Opcode: wire.Pong}, {Fin: true, Opcode: wire.Close, Length: 2},
	} {
		h.Masked, h.Mask = true, mask
		payload := bytes.Repeat([]byte{7}, int(h.Length))
		wire.Mask(payload, mask, 0)
		stream = append(wire.AppendHeader(stream, h), payload...)
	}
	talk := func(cut int) string {
		conn, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		conn.Write(stream[:cut])
		conn.Write(stream[cut:])
		got, err := io.ReadAll(conn)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		return string(got)
	}
	want := talk(len(stream))
	if !strings.HasSuffix(want, "\x88\x02\x07\x07") || strings.Count(want, "\x07") != 3+4+130+2 {
		t.Fatalf("unexpected answer %q", want)
	}
	for cut := 1; cut < len(stream); cut++ {
		if got := talk(cut); got != want {
			t.Fatalf("cut at %d: %q, want %q", cut, got, want)
		}
	}
}

func TestBadInputIsClosed(t *testing.T) {
	addr := serve(t)
	upgrade := string(wire.AppendRequest(nil, "h", "/", "dGhlIHNhbXBsZSBub25jZQ=="))
	for name, in := range map[string]string{
		"no key":         "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"endless head":   strings.Repeat("x", wire.MaxHead+100),
		"unmasked frame": upgrade + "\x81\x01x",
		"bad opcode":     upgrade + "\x83\x80\x00\x00\x00\x00",
	} {
		conn, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		io.WriteString(conn, in)
		if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: left open", name)
		}
		conn.Close()
	}
}

// A gateway that ends first is reset, so that its port is free at once. One that is told good-bye is not.
func TestEnds(t *testing.T) {
	addr := serve(t)
	goodbye := wire.AppendHeader(nil, wire.Header{Fin: true, Opcode: wire.Close, Masked: true})
	for name, tc := range map[string]struct {
		last []byte
		want error
	}{
		"without a word":     {nil, syscall.ECONNRESET},
		"with a close frame": {goodbye, nil},
	} {
		conn, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		conn.Write(wire.AppendRequest(nil, "h", "/", "dGhlIHNhbXBsZSBub25jZQ=="))
		if _, err := conn.Read(make([]byte, 1024)); err != nil {
			t.Fatal(err)
		}
		conn.Write(tc.last)
		if tc.last == nil {
			conn.(*net.TCPConn).CloseWrite()
		}
		if _, err := io.ReadAll(conn); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}
