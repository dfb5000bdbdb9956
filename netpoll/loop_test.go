package netpoll_test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"weir/netpoll"
)

// Tasks of one goroutine run in their order, and none is lost among many goroutines.
func TestPostFromManyGoroutines(t *testing.T) {
	l := start(t, netpoll.Options{})
	const goroutines, each = 16, 500
	var got [goroutines][]int // owned by the loop
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				if err := l.Post(func() { got[g] = append(got[g], i) }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	do(t, l, func() {})
	for g := range got {
		if len(got[g]) != each || !slices.IsSorted(got[g]) {
			t.Fatalf("goroutine %d: %d tasks ran, in order %v", g, len(got[g]), slices.IsSorted(got[g]))
		}
	}
}

// Do tells the truth however it races with Stop: nil if and only if its task ran.
func TestDoAndPostRaceStop(t *testing.T) {
	for range 50 {
		l := start(t, netpoll.Options{})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					ran := false
					err := l.Do(func() { ran = true })
					if err == nil && !ran || err != nil && !errors.Is(err, netpoll.ErrStopped) {
						t.Errorf("ran %v, answered %v", ran, err)
					}
					if err != nil {
						if ran { // nobody writes it any more: the loop has ended
							t.Error("the task ran and Do denied it")
						}
						return
					}
				}
			})
		}
		for range 2 {
			wg.Go(l.Stop)
		}
		wg.Wait()
		if err := l.Post(func() { t.Error("a stopped loop ran a task") }); !errors.Is(err, netpoll.ErrStopped) {
			t.Errorf("Post after Stop: %v", err)
		}
	}
}

// What was posted before Stop runs; the sockets are closed without a word to their handlers.
func TestStop(t *testing.T) {
	l := start(t, netpoll.Options{})
	closed, failures := failure()
	_, peer := pair(t, l, &hooks{closed: closed, eof: func(*netpoll.Conn) { t.Error("EOF, unasked") }})
	ln := listen(t, l, func(ln *netpoll.Listener, fd int, _ netip.AddrPort) { ln.Refuse(fd) })
	ran := 0
	for range 100 {
		if err := l.Post(func() { ran++ }); err != nil {
			t.Fatal(err)
		}
	}
	var late netpoll.Timer
	do(t, l, func() { l.Schedule(&late, time.Hour, ticker(func(*netpoll.Timer) {})) })
	l.Stop()
	if ran != 100 {
		t.Errorf("%d tasks of 100 ran", ran)
	}
	if _, err := peer.Read(make([]byte, 1)); err == nil || errors.Is(err, errTimeout) {
		t.Errorf("the peer was not told: %v", err)
	}
	if c, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		_ = c.Close()
		t.Error("the listener is still open")
	}
	silent(t, failures, "OnClose")
	l.Stop()
}

func TestTimersWakeTheLoop(t *testing.T) {
	l := start(t, netpoll.Options{})
	type firing struct{ want, got time.Duration }
	firings := make(chan firing, 8)
	var timers [5]netpoll.Timer
	do(t, l, func() {
		for i := range timers {
			d := time.Duration(5-i) * 15 * time.Millisecond // each earlier than the one before
			want := l.Now() + d
			l.Schedule(&timers[i], d, ticker(func(*netpoll.Timer) { firings <- firing{want, l.Now()} }))
		}
		l.Cancel(&timers[2])
	})
	last := time.Duration(0)
	for range 4 {
		f := await(t, firings)
		if f.got < f.want || f.want < last {
			t.Errorf("due at %v, fired at %v, the one before was due at %v", f.want, f.got, last)
		}
		if late := f.got - f.want; late > time.Second {
			t.Errorf("%v late", late)
		}
		last = f.want
	}
	do(t, l, func() {})
	silent(t, firings, "a cancelled timer")
}

func TestListenersShareAnAddress(t *testing.T) {
	accepted := make(chan int, 64)
	take := acceptor(func(ln *netpoll.Listener, fd int, _ netip.AddrPort) {
		ln.Refuse(fd)
		accepted <- 1
	})
	a, b := start(t, netpoll.Options{}), start(t, netpoll.Options{})
	first := listen(t, a, take)
	var second *netpoll.Listener
	do(t, b, func() {
		var err error
		if second, err = b.Listen(first.Addr(), take); err != nil {
			t.Error(err)
		}
	})
	do(t, a, first.Close) // whoever remains serves the address
	for range 20 {
		dial(t, second.Addr())
		await(t, accepted)
	}
	if second.Addr() != first.Addr() || second.Loop() != b {
		t.Errorf("bound %v and %v", first.Addr(), second.Addr())
	}
}

func TestListenFails(t *testing.T) {
	l := start(t, netpoll.Options{})
	other, err := net.Listen("tcp", "127.0.0.1:0") // without SO_REUSEPORT: nobody may join
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	do(t, l, func() {
		if _, err := l.Listen(netpoll.IP(netip.MustParseAddrPort(other.Addr().String())), acceptor(nil)); err == nil {
			t.Error("two listeners on one address")
		}
	})
}

// The loop is busy while the clients come; closing takes them, as they would see a reset otherwise.
func TestListenerCloseServesTheBacklog(t *testing.T) {
	l := start(t, netpoll.Options{})
	const n = 100
	accepted := 0
	ln := listen(t, l, func(_ *netpoll.Listener, fd int, from netip.AddrPort) {
		accepted++
		c := new(netpoll.Conn)
		if err := l.Attach(c, fd, &hooks{}); err != nil || !from.Addr().IsLoopback() {
			t.Error(from, err)
		}
		c.Write([]byte("hello"))
		c.CloseWrite()
	})
	var peers []*net.TCPConn
	do(t, l, func() {
		for range n {
			peers = append(peers, dial(t, ln.Addr()))
		}
		ln.Close()
	})
	if accepted != n {
		t.Errorf("%d of %d clients were taken", accepted, n)
	}
	for _, peer := range peers {
		expect(t, peer, "hello")
	}
}
