package netpoll_test

import (
	"errors"
	"net/netip"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"weir/internal/freeport"
	"weir/netpoll"
)

func TestConnect(t *testing.T) {
	for name, on := range map[string]struct{ listen, dial string }{
		"IPv4":         {"127.0.0.1:0", "127.0.0.1"},
		"IPv6":         {"[::1]:0", "::1"},
		"IPv4 as IPv6": {"127.0.0.1:0", "::ffff:127.0.0.1"},
		"IPv4 to [::]": {"[::]:0", "127.0.0.1"},
		"another IPv4": {"0.0.0.0:0", "127.0.0.2"},
	} {
		t.Run(name, func(t *testing.T) {
			l := start(t, netpoll.Options{Socket: netpoll.SocketOptions{NoDelay: true, KeepAlive: 60e9, UserTimeout: 30e9}})
			from := make(chan netip.AddrPort, 1)
			var ln *netpoll.Listener
			do(t, l, func() {
				var err error
				ln, err = l.Listen(netpoll.IP(netip.MustParseAddrPort(on.listen)), acceptor(func(_ *netpoll.Listener, fd int, a netip.AddrPort) {
					if err := l.Attach(new(netpoll.Conn), fd, &hooks{data: func(c *netpoll.Conn, b []byte) { c.Write(b) }}); err != nil {
						t.Error(err)
					}
					from <- a
				}))
				if err != nil {
					t.Error(err)
				}
			})
			answers := make(chan string, 1)
			connect, connected := signal()
			c := new(netpoll.Conn)
			do(t, l, func() {
				err := l.Connect(c, netpoll.IP(netip.AddrPortFrom(netip.MustParseAddr(on.dial), ln.Addr().Port())), &hooks{
					connect: connect, data: func(_ *netpoll.Conn, b []byte) { answers <- string(b) }})
				if err != nil {
					t.Error(err)
				}
				silent(t, connected, "OnConnect from inside Connect")
				c.Write([]byte("early")) // waits for the connection
			})
			await(t, connected)
			if got := await(t, answers); got != "early" {
				t.Errorf("echo of %q", got)
			}
			if a := await(t, from); !a.IsValid() || a.Addr().Is4In6() || !a.Addr().IsLoopback() {
				t.Errorf("accepted from %v", a)
			}
		})
	}
}

// A connection that cannot be made is told of exactly once: by Connect's error or by OnClose.
func TestConnectFails(t *testing.T) {
	for name, tt := range map[string]struct{ addr, why string }{
		"refused":     {freeport.Addr(t), "ECONNREFUSED"},
		"no stream":   {"255.255.255.255:9", ""},
		"no such hop": {"[fe80::1%0]:9", ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := start(t, netpoll.Options{})
			closed, failures := failure()
			var err error
			do(t, l, func() {
				c := new(netpoll.Conn)
				err = l.Connect(c, netpoll.IP(netip.MustParseAddrPort(tt.addr)), &hooks{closed: closed,
					connect: func(*netpoll.Conn) { t.Error("connected") }})
				if err != nil && c.Open() {
					t.Error("open all the same")
				}
			})
			if err == nil {
				err = await(t, failures)
			}
			var errno unix.Errno
			if !errors.As(err, &errno) || tt.why != "" && unix.ErrnoName(errno) != tt.why {
				t.Errorf("failed with %v, want %s", err, tt.why)
			}
			do(t, l, func() {})
			silent(t, failures, "OnClose")
		})
	}
}

// A backend that never answers keeps us waiting without a word; the owner's deadline ends it.
func TestConnectNeverAnswered(t *testing.T) {
	addr := fullBacklog(t)
	l := start(t, netpoll.Options{})
	var c netpoll.Conn
	var deadline netpoll.Timer
	ended := make(chan int, 1)
	do(t, l, func() {
		h := &hooks{
			connect: func(*netpoll.Conn) { t.Error("connected") },
			closed:  func(_ *netpoll.Conn, err error) { t.Error(err) },
		}
		if err := l.Connect(&c, addr, h); err != nil {
			t.Error(err)
		}
		c.Write([]byte("patience"))
		c.CloseWrite()
		l.Schedule(&deadline, 1, ticker(func(*netpoll.Timer) {
			ended <- c.Buffered()
			c.Close()
		}))
	})
	if n := await(t, ended); n != len("patience") {
		t.Errorf("%d bytes waited", n)
	}
	do(t, l, func() {
		if s := l.Stats(); s.Buffered != 0 || c.Open() {
			t.Errorf("%+v", s)
		}
	})
}

// fullBacklog is the address of a listener that accepts nobody and has no room left in its queue.
func fullBacklog(t *testing.T) netpoll.Addr {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(os.NewSyscallError("socket", err))
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := netpoll.IP(netip.AddrPortFrom(localhost.Addr(), uint16(name.(*unix.SockaddrInet4).Port)))
	dial(t, addr) // a queue of length 0 holds one
	return addr
}

// A failed or refused backend is tried again with the same Conn from inside the callback that told of it.
func TestReconnectFromOnClose(t *testing.T) {
	l := start(t, netpoll.Options{})
	peers := make(chan *netpoll.Conn, 4)
	ln := listen(t, l, func(_ *netpoll.Listener, fd int, _ netip.AddrPort) {
		c := new(netpoll.Conn)
		if err := l.Attach(c, fd, &hooks{}); err != nil {
			t.Error(err)
		}
		peers <- c
	})
	var c netpoll.Conn
	connect, connected := signal()
	h := &hooks{connect: connect}
	h.eof = func(c *netpoll.Conn) {
		c.Close()
		if err := l.Connect(c, ln.Addr(), h); err != nil {
			t.Error(err)
		}
	}
	do(t, l, func() {
		if err := l.Connect(&c, ln.Addr(), h); err != nil {
			t.Error(err)
		}
	})
	for range 20 {
		await(t, connected)
		peer := await(t, peers)
		do(t, l, peer.Close)
	}
	await(t, connected)
	do(t, l, func() {
		if !c.Open() {
			t.Error("the last connection is not open")
		}
	})
}
