package netpoll_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"weir/netpoll"
)

// TestAbort resets the peer, so that our port is free at once, if that costs the peer nothing: what it has not read yet
// stays readable, and what has not arrived goes out in order.
func TestAbort(t *testing.T) {
	for _, c := range []struct {
		name  string
		bytes int
		end   func(c *netpoll.Conn, peer *net.TCPConn)
		want  error
	}{
		{"everything has arrived", 64 << 10, nil, unix.ECONNRESET},
		{"nothing was sent", 0, nil, unix.ECONNRESET},
		{"some is under way", 64 << 20, nil, nil},
		{"we have ended", 10, func(c *netpoll.Conn, _ *net.TCPConn) { c.CloseWrite() }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := start(t, netpoll.Options{})
			conn, peer := pair(t, l, &hooks{})
			kept := 0
			do(t, l, func() { conn.Write([]byte(strings.Repeat("x", c.bytes))); kept = c.bytes - conn.Buffered() })
			for delivered := c.want == nil; !delivered; { // acknowledgements come soon
				do(t, l, func() { delivered = conn.Delivered() })
			}
			do(t, l, func() {
				if c.end != nil {
					c.end(conn, peer)
				}
				conn.Abort(false)
			})
			got, err := io.ReadAll(peer)
			if len(got) != kept || !errors.Is(err, c.want) {
				t.Errorf("the peer read %d bytes and %v, want %d and %v", len(got), err, kept, c.want)
			}
		})
	}
}

// TestAbortAfterThePeer has nothing to free: the port in TIME_WAIT is the peer's.
func TestAbortAfterThePeer(t *testing.T) {
	l := start(t, netpoll.Options{})
	eof, ended := signal()
	conn, peer := pair(t, l, &hooks{eof: eof})
	if err := peer.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	await(t, ended)
	do(t, l, func() { conn.Abort(true) })
	expect(t, peer, "")
}
