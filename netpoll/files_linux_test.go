package netpoll_test

import (
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/netpoll"
)

var ownFiles = netpoll.Options{OwnFiles: true}

// limitFiles lets no file table have more than n descriptors, until the test is over.
func limitFiles(t *testing.T, n uint64) {
	t.Helper()
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &was) })
}

// collectGarbage runs the collector all the time, on whatever thread it gets.
func collectGarbage(t *testing.T) {
	over := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-over:
				return
			default:
				runtime.GC()
			}
		}
	}()
	t.Cleanup(func() { close(over); <-ended })
}

// echoing accepts and sends back.
func echoing(t testing.TB, l *netpoll.Loop) acceptor {
	return func(_ *netpoll.Listener, fd int, _ netip.AddrPort) {
		h := &hooks{data: func(c *netpoll.Conn, b []byte) { c.Write(b) }, eof: func(c *netpoll.Conn) { c.Close() }}
		if err := l.Attach(new(netpoll.Conn), fd, h); err != nil {
			t.Error(err)
		}
	}
}

// Many more sockets than the limit of the process: each loop has its own table. All of them talk, while others wake the
// loops and the collector runs, and nothing stays in the table of the process.
func TestOwnFiles(t *testing.T) {
	const loops, each, limit = 4, 200, 256
	before := descriptors()
	limitFiles(t, limit)
	collectGarbage(t)
	var all []*netpoll.Loop
	var echoed atomic.Int32
	complete := make(chan struct{})
	for range loops {
		server, client := start(t, ownFiles), start(t, ownFiles)
		all = append(all, server, client)
		ln := listen(t, server, echoing(t, server))
		h := &hooks{
			connect: func(c *netpoll.Conn) { c.Write([]byte("x")) },
			data: func(*netpoll.Conn, []byte) {
				if echoed.Add(1) == loops*each {
					close(complete)
				}
			},
			closed: func(_ *netpoll.Conn, err error) { t.Error(err) },
		}
		for range each {
			do(t, client, func() {
				if err := client.Connect(new(netpoll.Conn), ln.Addr(), h); err != nil {
					t.Error(err)
				}
			})
		}
	}
	await(t, complete)
	if n := descriptors(); n > before+2+2*len(all) { // the test's directory listing, a pipe, and what wakes each loop and passes its listeners on
		t.Errorf("%d descriptors in the table of the process, %d before", n, before)
	}
	for i, l := range all {
		var s netpoll.Stats
		do(t, l, func() { s = l.Stats() })
		if s.Opened != each || s.Closed != 0 || s.AcceptPauses != 0 {
			t.Errorf("loop %d: %+v", i, s)
		}
		l.Stop()
	}
	if n := descriptors(); n != before {
		t.Errorf("%d descriptors after the loops have stopped, %d before", n, before)
	}
}

// A table that is full holds up its own loop's newcomers, who are served when there is room again, and nobody else.
func TestOwnFilesRunOut(t *testing.T) {
	limitFiles(t, 64)
	full, other, client := start(t, ownFiles), start(t, ownFiles), start(t, netpoll.Options{})
	crowded, free := listen(t, full, echoing(t, full)), listen(t, other, echoing(t, other))
	var crowd []*netpoll.Conn // owned by full
	do(t, full, func() {
		for {
			c := new(netpoll.Conn)
			if full.Connect(c, free.Addr(), &hooks{}) != nil {
				return
			}
			crowd = append(crowd, c)
		}
	})
	if len(crowd) < 32 {
		t.Fatalf("%d sockets fit into a table of 64", len(crowd))
	}
	do(t, other, func() {}) // has accepted them, as far as its own table has room
	heard := make(chan string, 1)
	h := &hooks{connect: func(c *netpoll.Conn) { c.Write([]byte("x")) }, data: func(_ *netpoll.Conn, b []byte) { heard <- string(b) }}
	do(t, client, func() {
		if err := client.Connect(new(netpoll.Conn), crowded.Addr(), h); err != nil {
			t.Error(err)
		}
	})
	var s netpoll.Stats
	for until := time.Now().Add(patience); s.AcceptPauses == 0 && time.Now().Before(until); {
		do(t, full, func() { s = full.Stats() })
	}
	if s.AcceptPauses == 0 || s.Accepted != 0 {
		t.Fatalf("accepted without room: %+v", s)
	}
	silent(t, heard, "an answer")
	do(t, full, func() {
		for _, c := range crowd {
			c.Close()
		}
	})
	await(t, heard)
}

// What others close is closed, though it was open when the loop's table was copied.
func TestOwnFilesKeepNothing(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	start(t, ownFiles)
	_ = w.Close()
	_ = r.SetReadDeadline(time.Now().Add(patience))
	if n, err := r.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the pipe's other end is still open: %d, %v", n, err)
	}
	_ = ln.Close()
	if c, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		_ = c.Close()
		t.Error("the listener is still open")
	}
}

// The number that wakes a loop means a client of another one, which may post to it all the same.
func TestOwnFilesPostFromLoopToLoop(t *testing.T) {
	early, late := start(t, ownFiles), start(t, ownFiles)
	const each = 32 // numbers on both sides of those that wake
	ln := listen(t, early, func(_ *netpoll.Listener, fd int, _ netip.AddrPort) {
		if err := early.Attach(new(netpoll.Conn), fd, &hooks{}); err != nil {
			t.Error(err)
		}
	})
	var peers []*net.TCPConn
	for range each {
		peers = append(peers, dial(t, ln.Addr()))
	}
	do(t, early, func() {})
	for range 100 {
		ran := make(chan struct{})
		do(t, early, func() {
			_ = late.Post(func() {
				_ = early.Post(func() {
					_ = early.Post(func() { close(ran) })
				})
			})
		})
		await(t, ran)
	}
	early.Stop()
	for _, peer := range peers {
		expect(t, peer, "")
	}
}

// A socket is known to one table alone.
func TestOwnFilesShareNoSocket(t *testing.T) {
	own, other := start(t, ownFiles), start(t, netpoll.Options{})
	ln := listen(t, other, nil)
	do(t, own, func() {
		if _, err := own.ListenShared(ln, nil); err == nil {
			t.Error("a socket of another table was taken")
		}
	})
}
