package netpoll_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"weir/netpoll"
)

// patience is how long an awaited event may take before a test gives it up.
const patience = time.Minute

var localhost = netpoll.IP(netip.MustParseAddrPort("127.0.0.1:0"))

// hooks is a Handler made of functions; those left nil do nothing.
type hooks struct {
	connect, drained, eof func(c *netpoll.Conn)
	data                  func(c *netpoll.Conn, b []byte)
	closed                func(c *netpoll.Conn, err error)
}

func call(f func(*netpoll.Conn), c *netpoll.Conn) {
	if f != nil {
		f(c)
	}
}

func (h *hooks) OnConnect(c *netpoll.Conn) { call(h.connect, c) }
func (h *hooks) OnDrained(c *netpoll.Conn) { call(h.drained, c) }
func (h *hooks) OnEOF(c *netpoll.Conn)     { call(h.eof, c) }

func (h *hooks) OnData(c *netpoll.Conn, b []byte) {
	if h.data != nil {
		h.data(c, b)
	}
}

func (h *hooks) OnClose(c *netpoll.Conn, err error) {
	if h.closed != nil {
		h.closed(c, err)
	}
}

type acceptor func(ln *netpoll.Listener, fd int, from netip.AddrPort)

func (a acceptor) OnAccept(ln *netpoll.Listener, fd int, from netip.AddrPort) { a(ln, fd, from) }

type ticker func(*netpoll.Timer)

func (f ticker) OnTimer(t *netpoll.Timer) { f(t) }

func start(t testing.TB, opts netpoll.Options) *netpoll.Loop {
	t.Helper()
	if opts.ReadBuffer == 0 {
		opts.ReadBuffer = 16 << 10
	}
	l, err := netpoll.Start(0, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Stop)
	return l
}

// do runs fn on the loop, after every event and task that was there before.
func do(t testing.TB, l *netpoll.Loop, fn func()) {
	t.Helper()
	if err := l.Do(fn); err != nil {
		t.Fatal(err)
	}
}

func listen(t testing.TB, l *netpoll.Loop, a acceptor) *netpoll.Listener {
	t.Helper()
	var ln *netpoll.Listener
	var err error
	do(t, l, func() { ln, err = l.Listen(localhost, a) })
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// pair is a connection of the loop with handler h, and its other end.
func pair(t testing.TB, l *netpoll.Loop, h netpoll.Handler) (*netpoll.Conn, *net.TCPConn) {
	t.Helper()
	attached := make(chan *netpoll.Conn, 1)
	ln := listen(t, l, func(ln *netpoll.Listener, fd int, _ netip.AddrPort) {
		c := new(netpoll.Conn)
		if err := l.Attach(c, fd, h); err != nil {
			t.Error(err)
		}
		ln.Close()
		attached <- c
	})
	peer := dial(t, ln.Addr())
	return await(t, attached), peer
}

func dial(t testing.TB, addr netpoll.Addr) *net.TCPConn {
	t.Helper()
	c, err := net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(addr.AddrPort))
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func await[T any](t testing.TB, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatal("the event did not come")
	}
	return v
}

// silent fails if something was already reported; call it behind a barrier.
func silent[T any](t testing.TB, ch <-chan T, what string) {
	t.Helper()
	select {
	case v := <-ch:
		t.Errorf("%s, unasked: %v", what, v)
	default:
	}
}

// signal returns a hook that reports, and where to wait for it. More than 16 reports block the loop.
func signal() (func(*netpoll.Conn), <-chan *netpoll.Conn) {
	ch := make(chan *netpoll.Conn, 16)
	return func(c *netpoll.Conn) { ch <- c }, ch
}

func failure() (func(*netpoll.Conn, error), <-chan error) {
	ch := make(chan error, 16)
	return func(_ *netpoll.Conn, err error) { ch <- err }, ch
}
