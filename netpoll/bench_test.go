package netpoll_test

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"weir/netpoll"
)

var noDeadline time.Time

// relay passes what one connection of a loop reads on to another, as a tunnel does: clients are answered by
// an echo behind it. It is all netpoll, so that no allocation of another library is counted.
func relay(t testing.TB, l *netpoll.Loop, queue bool) *net.TCPConn {
	t.Helper()
	echo := listen(t, l, func(_ *netpoll.Listener, fd int, _ netip.AddrPort) {
		h := &hooks{data: func(c *netpoll.Conn, b []byte) { c.Write(b) }}
		if err := l.Attach(new(netpoll.Conn), fd, h); err != nil {
			t.Error(err)
		}
	})
	front := listen(t, l, func(_ *netpoll.Listener, fd int, _ netip.AddrPort) {
		client, backend := new(netpoll.Conn), new(netpoll.Conn)
		pass := func(to *netpoll.Conn) *hooks {
			return &hooks{data: func(_ *netpoll.Conn, b []byte) {
				if queue {
					to.Queue(b)
				} else {
					to.Write(b)
				}
			}}
		}
		if err := l.Attach(client, fd, pass(backend)); err != nil {
			t.Error(err)
		}
		if err := l.Connect(backend, echo.Addr(), pass(client)); err != nil {
			t.Error(err)
		}
	})
	return dial(t, front.Addr())
}

func roundTrip(t testing.TB, peer *net.TCPConn, msg, back []byte) {
	send(t, peer, msg)
	if _, err := io.ReadFull(peer, back); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkEcho is the round trip of one small message through one loop, seen from a blocking client.
func BenchmarkEcho(b *testing.B) {
	l := start(b, netpoll.Options{})
	c, peer := pair(b, l, &hooks{data: func(c *netpoll.Conn, b []byte) { c.Write(b) }})
	_ = peer.SetDeadline(noDeadline)
	msg, back := make([]byte, 125), make([]byte, 125)
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		roundTrip(b, peer, msg, back)
	}
	do(b, l, c.Close)
}

// BenchmarkRelay is the same with a second connection between, as a tunnel has it.
func BenchmarkRelay(b *testing.B) {
	for name, queue := range map[string]bool{"Write": false, "Queue": true} {
		b.Run(name, func(b *testing.B) {
			peer := relay(b, start(b, netpoll.Options{}), queue)
			_ = peer.SetDeadline(noDeadline)
			msg, back := make([]byte, 125), make([]byte, 125)
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				roundTrip(b, peer, msg, back)
			}
		})
	}
}
