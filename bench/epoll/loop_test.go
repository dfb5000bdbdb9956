//go:build linux

package epoll

import (
	"context"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type handler func(Events)

func (h handler) Ready(ev Events) { h(ev) }

func newLoop(t *testing.T) *Loop {
	t.Helper()
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Free)
	return l
}

func pair(t *testing.T) (a, b int) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fds[0], fds[1]
}

// An event of a batch must not reach a descriptor that an earlier one of the batch closed, nor
// another socket that took its number.
func TestCloseWithinABatch(t *testing.T) {
	l := newLoop(t)
	a, b := pair(t)
	calls := 0
	for _, fd := range []int{a, b} {
		if err := l.Add(fd, handler(func(Events) {
			calls++
			l.Close(a)
			l.Close(b)
			c, d := pair(t)
			defer syscall.Close(c)
			defer syscall.Close(d)
			if c == a || c == b || d == a || d == b {
				t.Error("a number was reused within the batch")
			}
		})); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Wait(time.Second); err != nil { // both are writable
		t.Fatal(err)
	}
	if calls != 1 {
		t.Errorf("%d calls, want 1", calls)
	}
	if _, errno := Write(a, []byte{1}); errno != syscall.EBADF {
		t.Errorf("the descriptor is still open after its batch: %v", errno)
	}
}

func TestWaitEnds(t *testing.T) {
	for name, coarse := range map[string]bool{"precise": false, "coarse": true} {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			l.coarse = coarse
			for _, d := range []time.Duration{0, 2 * time.Millisecond, 3 * brief} {
				took := time.Duration(-1)
				for tries := 0; took < d && tries < 20; tries++ { // a signal of Go's runtime may end one
					start := time.Now()
					if err := l.Wait(d); err != nil {
						t.Fatal(err)
					}
					took = time.Since(start)
				}
				if took < d || took > d+time.Second {
					t.Errorf("a wait of %v took %v", d, took)
				}
			}
			for range 2 { // each Wake counts anew
				go l.Wake()
				if err := l.Wait(-1); err != nil {
					t.Fatal(err)
				}
			}
			l.Free()
			l.Wake() // harmless
		})
	}
}

func TestServerStopsAndLeaksNothing(t *testing.T) {
	before := descriptors(t)
	accepted := make(chan int, 1)
	var s *Server
	s, err := Serve(netip.MustParseAddrPort("127.0.0.1:0"), func(fd int) {
		s.Loop.Add(fd, handler(func(Events) {}))
		accepted <- fd
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Serve(s.Addr, nil); err == nil {
		t.Error("the same port was given twice")
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	conn, err := net.Dial("tcp", s.Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	<-accepted
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	conn.Close()
	if after := descriptors(t); after > before+1 { // Go's own poller may have been opened
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
