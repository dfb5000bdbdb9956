//go:build linux

package relay_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/bench/epoll/epolltest"
	"weir/bench/relay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// through gives both ends of a connection through a relay.
func through(t *testing.T) (client, backend *net.TCPConn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	server, err := relay.Serve(netip.MustParseAddrPort("127.0.0.1:0"), netip.MustParseAddrPort(listener.Addr().String()))
	addr, _ := epolltest.Run(t, server, err)
	near, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{near, far} {
		c.SetDeadline(time.Now().Add(10 * time.Second))
		t.Cleanup(func() { c.Close() })
	}
	return near.(*net.TCPConn), far.(*net.TCPConn)
}

// Both ways at once, more than the sockets hold, and each end of the stream by itself.
func TestBytesAndEnds(t *testing.T) {
	client, backend := through(t)
	up, down := noise(1, 8<<20), noise(2, 5<<20)
	send := func(c *net.TCPConn, b []byte) {
		c.Write(b)
		c.CloseWrite()
	}
	go send(client, up)
	go send(backend, down)
	type read struct {
		b   []byte
		err error
	}
	fromClient := make(chan read, 1)
	go func() {
		b, err := io.ReadAll(backend)
		fromClient <- read{b, err}
	}()
	got, err := io.ReadAll(client)
	if err != nil || !bytes.Equal(got, down) {
		t.Errorf("the client got %d of %d bytes, %v", len(got), len(down), err)
	}
	if r := <-fromClient; r.err != nil || !bytes.Equal(r.b, up) {
		t.Errorf("the backend got %d of %d bytes, %v", len(r.b), len(up), r.err)
	}
}

func TestHalfClose(t *testing.T) {
	client, backend := through(t)
	io.WriteString(client, "last words")
	client.CloseWrite()
	if got, err := io.ReadAll(backend); string(got) != "last words" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	io.WriteString(backend, "answer")
	backend.Close()
	if got, err := io.ReadAll(client); string(got) != "answer" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestResetIsPassedOn(t *testing.T) {
	client, backend := through(t)
	backend.SetLinger(0)
	backend.Close()
	if _, err := io.ReadAll(client); err != nil {
		if e, ok := err.(net.Error); ok && e.Timeout() {
			t.Error("the client's connection outlived its backend's")
		}
	}
}

func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed)}).Read(b)
	return b
}
