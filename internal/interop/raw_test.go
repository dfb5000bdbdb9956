package interop

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// rawBackend is a server whose test decides about every byte behind the 101.
type rawBackend struct {
	ln    net.Listener
	conns chan *net.TCPConn // upgraded
	ready sync.WaitGroup
}

func (b *rawBackend) url() string { return "ws://" + b.ln.Addr().String() }

// startRaw listens on a loopback port; addr may be that of one which was closed.
func startRaw(t testing.TB, addr string) *rawBackend {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	b := &rawBackend{ln: ln, conns: make(chan *net.TCPConn, 256)}
	b.ready.Go(b.serve)
	t.Cleanup(b.close)
	return b
}

func (b *rawBackend) serve() {
	for {
		c, err := b.ln.Accept()
		if err != nil {
			return
		}
		b.ready.Go(func() {
			_ = c.SetDeadline(time.Now().Add(patience))
			if _, err := ws.Upgrade(c); err != nil {
				_ = c.Close()
				return
			}
			b.conns <- c.(*net.TCPConn)
		})
	}
}

// close stops listening. Connections that were handed out belong to the test.
func (b *rawBackend) close() {
	_ = b.ln.Close()
	b.ready.Wait()
}

// next is the next upgraded connection; it is closed with the test.
func (b *rawBackend) next(t testing.TB) *net.TCPConn {
	t.Helper()
	c := await(t, b.conns, "a connection to the backend")
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// rawClient is a client that sees every byte behind the 101.
type rawClient struct {
	*net.TCPConn
	in io.Reader
}

func (c rawClient) Read(b []byte) (int, error) { return c.in.Read(b) }

// dialRaw upgrades a connection to a front. The error is a ws.StatusError if the answer is another one than 101.
func dialRaw(addr string, timeout time.Duration) (rawClient, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	c, early, _, err := ws.Dial(ctx, "ws://"+addr+"/")
	if err != nil {
		return rawClient{}, err
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	client := rawClient{c.(*net.TCPConn), c}
	if early != nil {
		client.in = io.MultiReader(io.LimitReader(early, int64(early.Buffered())), c)
	}
	return client, nil
}

// mustDial is dialRaw where nothing else than 101 is right; the connection is closed with the test.
func mustDial(t testing.TB, f *Front) rawClient {
	t.Helper()
	c, err := dialRaw(f.Addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// openRaw connects through a front, and returns both ends.
func openRaw(t testing.TB, f *Front, b *rawBackend) (client rawClient, backend *net.TCPConn) {
	t.Helper()
	client = mustDial(t, f)
	return client, b.next(t)
}

// reset ends a connection with RST instead of FIN.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

func fin(c *net.TCPConn) { _ = c.Close() }

// rest reads a connection to its end, be it FIN or RST.
func rest(t testing.TB, c io.Reader) []byte {
	t.Helper()
	b, err := io.ReadAll(c)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("the connection did not end: %v", err)
	}
	return b
}

// expectClose reads the frame that must be next: a close with the code.
func expectClose(t testing.TB, c io.Reader, code ws.StatusCode) {
	t.Helper()
	f, err := ws.ReadFrame(c)
	if err != nil {
		t.Fatalf("no close frame: %v", err)
	}
	if got, _ := ws.ParseCloseFrameData(f.Payload); f.Header.OpCode != ws.OpClose || got != code {
		t.Fatalf("frame with opcode %d and code %d, want a close frame with %d", f.Header.OpCode, got, code)
	}
}

// echoFrames sends every message's frame back unmasked until its client closes or vanishes.
func echoFrames(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		f, err := ws.ReadFrame(in)
		if err != nil {
			return
		}
		if err := ws.WriteFrame(c, ws.UnmaskFrameInPlace(f)); err != nil || f.Header.OpCode == ws.OpClose {
			return
		}
	}
}

// echo runs echoFrames for all connections that come; it ends with the test.
func (b *rawBackend) echo(t testing.TB) {
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	go func() {
		for {
			select {
			case c := <-b.conns:
				go echoFrames(c)
			case <-done:
				return
			}
		}
	}()
}

// roundTrip sends a text and expects it back.
func (c rawClient) roundTrip(t testing.TB, text string) {
	t.Helper()
	if err := ws.WriteFrame(c, ws.MaskFrame(ws.NewTextFrame([]byte(text)))); err != nil {
		t.Fatal(err)
	}
	if f, err := ws.ReadFrame(c); err != nil || string(f.Payload) != text {
		t.Fatalf("sent %q, got back %q, %v", text, f.Payload, err)
	}
}

func dialTCP(t testing.TB, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
}
