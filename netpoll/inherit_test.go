package netpoll_test

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"weir/netpoll"
)

// served connects to addr and tells the first line that is sent; who listens is known by it.
func served(t testing.TB, addr netpoll.Addr) string {
	t.Helper()
	c, err := net.DialTimeout(addr.Network(), addr.String(), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return line[:len(line)-1]
}

// greeting accepts and says its name.
func greeting(t testing.TB, l *netpoll.Loop, name string) acceptor {
	return func(_ *netpoll.Listener, fd int, _ netip.AddrPort) {
		c := new(netpoll.Conn)
		if err := l.Attach(c, fd, &hooks{eof: func(c *netpoll.Conn) { c.Close() }}); err != nil {
			t.Error(err)
			return
		}
		c.Write([]byte(name + "\n"))
	}
}

// A listening socket goes from one loop to another, whichever has a table of files for itself, and no client that waits in
// its backlog is lost when the first loop leaves.
func TestListenerGoesOn(t *testing.T) {
	for _, own := range []bool{false, true} {
		for _, at := range []netpoll.Addr{localhost, netpoll.Unix(filepath.Join(t.TempDir(), "s"))} {
			t.Run(fmt.Sprintf("own files %t, %s", own, at.Network()), func(t *testing.T) {
				old := start(t, netpoll.Options{OwnFiles: own})
				var ln *netpoll.Listener
				var err error
				do(t, old, func() { ln, err = old.Listen(at, greeting(t, old, "old")) })
				if err != nil {
					t.Fatal(err)
				}
				if got := served(t, ln.Addr()); got != "old" {
					t.Fatalf("served by %q", got)
				}
				file, err := ln.File()
				if err != nil {
					t.Fatal(err)
				}
				do(t, old, ln.Leave)
				if _, err := ln.File(); err == nil {
					t.Error("a listener that has left can be passed on")
				}
				waiting, err := net.Dial(ln.Addr().Network(), ln.Addr().String()) // in the backlog
				if err != nil {
					t.Fatal(err)
				}
				defer waiting.Close()

				opts := netpoll.Options{OwnFiles: own}
				if own {
					opts.Keep = []int{int(file.Fd())}
				}
				next := start(t, opts)
				var heir *netpoll.Listener
				do(t, next, func() { heir, err = next.ListenOn(file, greeting(t, next, "new")) })
				if err != nil {
					t.Fatal(err)
				}
				_ = file.Close()
				if heir.Addr() != ln.Addr() {
					t.Errorf("listens on %v, not %v", heir.Addr(), ln.Addr())
				}
				_ = waiting.SetDeadline(time.Now().Add(patience))
				if line, err := bufio.NewReader(waiting).ReadString('\n'); line != "new\n" {
					t.Errorf("who waited was told %q, %v", line, err)
				}
				if got := served(t, heir.Addr()); got != "new" {
					t.Errorf("served by %q", got)
				}
				do(t, next, heir.Close)
				if c, err := net.Dial(heir.Addr().Network(), heir.Addr().String()); err == nil {
					_ = c.Close()
					t.Error("somebody still listens")
				}
			})
		}
	}
}

// What does not listen is refused, by name.
func TestListenOnWhatDoesNotListen(t *testing.T) {
	l := start(t, netpoll.Options{})
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	do(t, l, func() { _, err = l.ListenOn(file, nil) })
	if err == nil {
		t.Error("taken")
	}
}
