package netpoll_test

import (
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"weir/netpoll"
)

// A unix socket is shared by the listeners of two loops, gone when they close, and can be connected to from a loop.
func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	a, b := start(t, netpoll.Options{}), start(t, netpoll.Options{})
	echo := func(l *netpoll.Loop) netpoll.Acceptor {
		return acceptor(func(ln *netpoll.Listener, fd int, from netip.AddrPort) {
			if from.IsValid() {
				t.Errorf("a client of a unix socket has the address %v", from)
			}
			if err := l.Attach(new(netpoll.Conn), fd, &hooks{data: func(c *netpoll.Conn, b []byte) { c.Write(b) }}); err != nil {
				t.Error(err)
			}
		})
	}
	var first, second *netpoll.Listener
	var err error
	do(t, a, func() { first, err = a.Listen(netpoll.Unix(path), echo(a)) })
	if err != nil {
		t.Fatal(err)
	}
	do(t, b, func() { second, err = b.ListenShared(first, echo(b)) })
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		peer, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		_ = peer.SetDeadline(time.Now().Add(patience))
		got := make([]byte, 5)
		_, _ = io.WriteString(peer, "hello")
		if _, err := io.ReadFull(peer, got); err != nil || string(got) != "hello" {
			t.Fatalf("%q, %v", got, err)
		}
		_ = peer.Close()
	}
	heard := make(chan string, 1)
	do(t, a, func() {
		c := new(netpoll.Conn)
		if err := a.Connect(c, first.Addr(), &hooks{data: func(_ *netpoll.Conn, b []byte) { heard <- string(b) }}); err != nil {
			t.Error(err)
		}
		c.Write([]byte("from a loop"))
	})
	if got := await(t, heard); got != "from a loop" {
		t.Errorf("%q", got)
	}
	do(t, b, func() {
		if _, err := b.Listen(netpoll.Unix(path), nil); err == nil {
			t.Error("a path that is listened on was taken over")
		}
	})
	do(t, b, second.Close)
	do(t, a, first.Close)
	if _, err := os.Lstat(path); err == nil {
		t.Error("the socket's file is still there")
	}
}

// A socket left by a process that crashed is in nobody's way; another kind of file is.
func TestUnixSocketLeftBehind(t *testing.T) {
	l := start(t, netpoll.Options{})
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale")
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	old.SetUnlinkOnClose(false)
	_ = old.Close()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	do(t, l, func() {
		ln, err := l.Listen(netpoll.Unix(stale), nil)
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
		if _, err := l.Listen(netpoll.Unix(file), nil); err == nil {
			t.Error("a file was taken for a socket")
		}
	})
	if b, err := os.ReadFile(file); err != nil || string(b) != "precious" {
		t.Errorf("the file holds %q, %v", b, err)
	}
}
