package netpoll_test

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"weir/gateway/limits"
	"weir/netpoll"
)

// counted are turns that remember how many were taken at once.
type counted struct {
	*limits.Turns
	mu   sync.Mutex
	most int
}

func (c *counted) Queue(from netip.Addr, ready func()) (leave func() bool) {
	return c.Turns.Queue(from, func() {
		c.mu.Lock()
		c.most = max(c.most, c.Taken())
		c.mu.Unlock()
		ready()
	})
}

func (c *counted) peak() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.most
}

// shaking echoes over TLS, with so many places and one turn to compute. Clients are told apart by their loopback addresses.
func shaking(t *testing.T, places int) (conf *netpoll.TLS, compute *counted, client *tls.Config, addr netpoll.Addr, failed <-chan error) {
	l := start(t, netpoll.Options{})
	conf, client = security(t)
	compute = &counted{Turns: limits.NewTurns(1, 64)}
	conf.Handshakes = netpoll.NewHandshakes(limits.NewTurns(places, 64), compute)
	told := make(chan error, 1000)
	addr = listen(t, l, func(_ *netpoll.Listener, fd int, from netip.AddrPort) {
		c := new(netpoll.Conn)
		if err := l.Attach(c, fd, &hooks{closed: func(_ *netpoll.Conn, err error) { told <- err }, data: func(c *netpoll.Conn, b []byte) { c.Write(b) }}); err != nil {
			t.Error(err)
		}
		c.StartTLS(conf, from.Addr(), nil)
	}).Addr()
	return conf, compute, client, addr, told
}

// dialFrom connects from a loopback address of its own.
func dialFrom(t *testing.T, from string, to netpoll.Addr) *net.TCPConn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
	c, err := d.Dial("tcp", to.String())
	if err != nil {
		t.Skipf("this machine has no other loopback addresses: %v", err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.(*net.TCPConn)
}

func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// TestSilentHellosHoldNoTurn: who has sent a hello and goes silent keeps nobody from computing, and is not cut for it.
func TestSilentHellosHoldNoTurn(t *testing.T) {
	conf, compute, client, addr, failed := shaking(t, 1000)
	hello := clientHello(t)
	for range 100 {
		_, _ = dial(t, addr).Write(hello)
	}
	until(t, "silent handshakes compute", func() bool { return conf.Handshakes.Running() == 100 && compute.Taken() == 0 })
	peer := tls.Client(dial(t, addr), client)
	say(t, peer, "hello")
	hear(t, peer, "hello")
	silent(t, failed, "a handshake was cut")
	if n := compute.peak(); n > 1 {
		t.Errorf("%d computed at once", n)
	}
}

// TestSilentHellosMakeRoom where all places are held by them: others get in though they come from one address more, or the same.
func TestSilentHellosMakeRoom(t *testing.T) {
	conf, compute, client, addr, failed := shaking(t, 4)
	hello := clientHello(t)
	for range 20 {
		_, _ = dialFrom(t, "127.0.0.2", addr).Write(hello)
	}
	until(t, "the places are not held", func() bool { return conf.Handshakes.Running() == 4 && conf.Handshakes.Waiting() == 16 })
	for _, from := range []string{"127.0.0.3", "127.0.0.2"} {
		peer := tls.Client(dialFrom(t, from, addr), client)
		say(t, peer, "hello")
		hear(t, peer, "hello")
	}
	var cut *netpoll.HandshakeError
	if err := await(t, failed); !errors.As(err, &cut) {
		t.Errorf("cut with %v", err)
	}
	if n := compute.peak(); n > 1 {
		t.Errorf("%d computed at once", n)
	}
}

// TestHandshakesTakeTurns: with many hellos of one address in line, another address is next but one.
func TestHandshakesTakeTurns(t *testing.T) {
	conf, compute, client, addr, _ := shaking(t, 1000)
	compute.Queue(netip.Addr{}, func() {}) // nobody computes for now
	hello := clientHello(t)
	const flood = 200
	for range flood {
		_, _ = dialFrom(t, "127.0.0.2", addr).Write(hello)
	}
	until(t, "the flood does not wait", func() bool { return compute.Waiting() == flood })
	done := make(chan int, 1)
	peer := tls.Client(dialFrom(t, "127.0.0.3", addr), client)
	go func() {
		if err := peer.Handshake(); err != nil {
			t.Error(err)
		}
		done <- compute.Waiting()
	}()
	until(t, "the new one does not wait", func() bool { return compute.Waiting() == flood+1 })
	compute.Done()
	if left := await(t, done); left < flood/4 {
		t.Errorf("the new one came behind the flood: %d still waited", left)
	}
	until(t, "turns are not given back", func() bool {
		return compute.Taken() == 0 && compute.Waiting() == 0 && conf.Handshakes.Running() == flood
	})
}

// TestWaitingHandshakesLeave: a connection that ends while it waits, for a place or for its turn, leaves nothing behind.
func TestWaitingHandshakesLeave(t *testing.T) {
	conf, compute, client, addr, _ := shaking(t, 4)
	compute.Queue(netip.Addr{}, func() {})
	hello := clientHello(t)
	for range 8 {
		_, _ = dialFrom(t, "127.0.0.2", addr).Write(hello)
	}
	until(t, "they do not wait", func() bool { return compute.Waiting() == 4 && conf.Handshakes.Waiting() == 4 })
	for range 8 {
		c := dialFrom(t, "127.0.0.3", addr)
		_, _ = c.Write(hello)
		_ = c.SetLinger(0)
		_ = c.Close()
	}
	until(t, "those that left still wait", func() bool { return conf.Handshakes.Waiting() == 4 })
	compute.Done()
	peer := tls.Client(dialFrom(t, "127.0.0.4", addr), client)
	say(t, peer, "hello")
	hear(t, peer, "hello")
	until(t, "turns are not given back", func() bool { return compute.Taken() == 0 && compute.Waiting() == 0 })
}
