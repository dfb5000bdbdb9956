package netpoll_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/netpoll"
)

// probed waits for a connection to be probed, and gives the seconds of silence that takes.
func probed(t *testing.T, c *netpoll.Conn) int {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if secs := probedAfter(t, c); secs > 0 {
			return secs
		}
		if time.Now().After(end) {
			t.Fatal("the peer is not probed")
		}
	}
}

func probedAfter(t *testing.T, c *netpoll.Conn) int {
	t.Helper()
	fd := int(c.Key())
	on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE)
	secs, idleErr := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE)
	if err := errors.Join(err, idleErr); err != nil {
		t.Fatal(err)
	}
	return on * secs
}

// Connections that last have their silent peers probed, whoever opened them, after times that differ; no more than so many
// at once, and another when one has gone.
func TestKeepAlive(t *testing.T) {
	const most = 4
	l := start(t, netpoll.Options{Socket: netpoll.SocketOptions{KeepAlive: 60e9, Probed: most}})
	accepted := make(chan *netpoll.Conn, 1)
	ln := listen(t, l, func(_ *netpoll.Listener, fd int, _ netip.AddrPort) {
		c := new(netpoll.Conn)
		if err := l.Attach(c, fd, &hooks{}); err != nil {
			t.Error(err)
		}
		accepted <- c
	})
	pair := func() (own, theirs *netpoll.Conn) {
		own = new(netpoll.Conn)
		do(t, l, func() {
			if err := l.Connect(own, ln.Addr(), &hooks{}); err != nil {
				t.Error(err)
			}
		})
		return own, await(t, accepted)
	}
	times := map[int]bool{}
	var first *netpoll.Conn
	for range most / 2 {
		own, theirs := pair()
		for _, c := range []*netpoll.Conn{own, theirs} {
			secs := probed(t, c)
			if secs < 60 || secs > 90 {
				t.Errorf("probed after %d s", secs)
			}
			times[secs] = true
		}
		first = own
	}
	if len(times) != most {
		t.Errorf("%d connections are probed after %d different times", most, len(times))
	}
	do(t, l, first.Close)
	own, theirs := pair() // looked at together, with room for one
	if secs := probed(t, own); secs == 0 || probedAfter(t, theirs) > 0 {
		t.Error("more are probed than should be")
	}
}
