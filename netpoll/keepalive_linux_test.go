package netpoll_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/netpoll"
)

// A connection that lasts has its silent peer probed, as those accepted have from the start.
func TestKeepAlive(t *testing.T) {
	l := start(t, netpoll.Options{Socket: netpoll.SocketOptions{KeepAlive: 60e9}})
	accepted := make(chan int, 2)
	ln := listen(t, l, func(_ *netpoll.Listener, fd int, _ netip.AddrPort) {
		accepted <- fd
		if err := l.Attach(new(netpoll.Conn), fd, &hooks{}); err != nil {
			t.Error(err)
		}
	})
	short, long := new(netpoll.Conn), new(netpoll.Conn)
	do(t, l, func() {
		for _, c := range []*netpoll.Conn{short, long} {
			if err := l.Connect(c, ln.Addr(), &hooks{}); err != nil {
				t.Error(err)
			}
		}
		short.Close()
	})
	idle := func(fd int) int {
		on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE)
		secs, idleErr := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE)
		if err := errors.Join(err, idleErr); err != nil {
			t.Fatal(err)
		}
		return on * secs
	}
	if secs := idle(await(t, accepted)); secs != 60 {
		t.Errorf("an accepted one is probed after %d s", secs)
	}
	for end := time.Now().Add(patience); idle(int(long.Key())) != 60; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the peer is not probed")
		}
	}
}
