package netpoll

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What the kernel takes of each call, with every split of pending and new bytes: everything arrives, once,
// in order, and the gauge is back at 0.
func TestWriteAtEverySplit(t *testing.T) {
	const first, second = "abcd", "efghi"
	for _, errno := range []unix.Errno{0, unix.EAGAIN, unix.EINTR} {
		for m := range len(first) {
			for n := range len(first) - m + len(second) + 1 {
				answers := []answer{{m, 0}, {n, 0}}
				if m == 0 {
					answers[0].errno = unix.EAGAIN
				}
				if n == 0 {
					answers[1].errno = unix.EAGAIN
				}
				if errno != 0 { // an interruption or a full socket before either
					answers = slices.Insert(answers, m%2, answer{0, errno})
				}
				k := &kernel{writes: answers}
				l, j := fakeLoop(t, k), &journal{}
				c := l.adopt(new(Conn), 7, j, 0)
				c.Write([]byte(first))
				c.clear(blocked) // as if the socket took more again, and a write came before the event
				c.Write([]byte(second))
				if got := len(k.sent) + c.Buffered(); got != len(first+second) || l.stats.Buffered != c.Buffered() {
					t.Fatalf("%d+%d: %d sent and buffered, gauge %d", m, n, got, l.stats.Buffered)
				}
				for range 4 {
					k.writes = append(k.writes, answer{3, 0})
					c.ready(out, 0)
					l.settle(t)
				}
				if string(k.sent) != first+second || l.stats.Buffered != 0 || c.out != nil {
					t.Fatalf("%v %d+%d: sent %q, %d bytes buffered", errno, m, n, k.sent, l.stats.Buffered)
				}
				j.expect(t)
			}
		}
	}
}

func TestWriteFails(t *testing.T) {
	for _, errno := range []unix.Errno{unix.EPIPE, unix.ECONNRESET, unix.ENOBUFS, unix.ETIMEDOUT} {
		for name, write := range map[string]func(c *Conn){
			"write":  func(c *Conn) { c.Write([]byte("ab")) },
			"queue":  func(c *Conn) { c.Queue([]byte("ab")) },
			"writev": func(c *Conn) { c.Queue([]byte("ab")); c.Write([]byte("cd")) },
		} {
			t.Run(name+" "+unix.ErrnoName(errno), func(t *testing.T) {
				k := &kernel{writes: []answer{{0, errno}}}
				l, j := fakeLoop(t, k), &journal{}
				c := l.adopt(new(Conn), 7, j, 0)
				write(c)
				j.expect(t) // never from inside the owner's own call
				c.Write([]byte("more"))
				l.runDeferred()
				l.settle(t)
				j.expect(t, "close "+unix.ErrnoName(errno))
				if c.Open() || l.stats.Buffered != 0 || len(k.closed) != 1 {
					t.Errorf("open %v, %d bytes buffered, closed %v", c.Open(), l.stats.Buffered, k.closed)
				}
			})
		}
	}
}

func TestQueueIsOneWriteABatch(t *testing.T) {
	k := &kernel{writes: []answer{{9, 0}}}
	l := fakeLoop(t, k)
	c := l.adopt(new(Conn), 7, &journal{}, 0)
	for _, s := range []string{"ab", "", "cde", "f"} {
		c.Queue([]byte(s))
	}
	if l.stats.Writes != 0 || c.Buffered() != 6 {
		t.Fatalf("%d writes, %d bytes buffered before the end of the batch", l.stats.Writes, c.Buffered())
	}
	l.settle(t)
	if string(k.sent) != "abcdef" || l.stats.Writes != 1 {
		t.Errorf("sent %q in %d writes", k.sent, l.stats.Writes)
	}
}

// No system call is made for a socket that is known to be full.
func TestBlockedWaitsForTheEvent(t *testing.T) {
	k := &kernel{}
	l := fakeLoop(t, k)
	c := l.adopt(new(Conn), 7, &journal{}, 0)
	for range 10 {
		c.Write([]byte("a"))
		c.Queue([]byte("b"))
		l.settle(t)
	}
	if l.stats.Writes != 1 || c.Buffered() != 20 {
		t.Fatalf("%d writes, %d bytes buffered", l.stats.Writes, c.Buffered())
	}
	k.writes = []answer{{20, 0}}
	c.ready(out, 0)
	if string(k.sent) != strings.Repeat("ab", 10) {
		t.Errorf("sent %q", k.sent)
	}
}

func TestDrainedOnceWhenAsked(t *testing.T) {
	k := &kernel{writes: []answer{{1, 0}}}
	l, j := fakeLoop(t, k), &journal{}
	c := l.adopt(new(Conn), 7, j, 0)
	c.Write([]byte("abcdefgh"))
	push := func(n int) { k.writes = []answer{{n, 0}}; c.ready(out, 0); l.settle(t) }
	push(1)
	j.expect(t) // not asked
	c.NotifyDrained()
	c.NotifyDrained()
	push(3)
	j.expect(t) // 3 bytes left are above the low-water mark of 2
	push(1)
	j.expect(t, "drained")
	push(2)
	j.expect(t, "drained") // once
	c.Write([]byte("abcdefgh"))
	c.NotifyDrained()
	push(8)
	j.expect(t, "drained", "drained") // and again if asked again
}

func TestCloseWrite(t *testing.T) {
	for name, tt := range map[string]struct {
		flags  flag
		queued string
		writes []answer // before and after CloseWrite
		early  bool     // FIN goes at once
		heard  []string
	}{
		"empty queue":  {0, "", nil, true, nil},
		"with a queue": {0, "abc", []answer{{0, unix.EAGAIN}, {2, 0}, {1, 0}}, false, []string{"drained"}},
		"taken whole":  {0, "abc", []answer{{3, 0}}, true, nil},
		"connecting":   {connecting, "abc", []answer{{3, 0}}, false, []string{"connect", "drained"}},
		"fails":        {0, "abc", []answer{{0, unix.EAGAIN}, {0, unix.EPIPE}}, false, []string{"close EPIPE"}},
	} {
		t.Run(name, func(t *testing.T) {
			k := &kernel{writes: tt.writes, connects: []answer{{}}}
			l, j := fakeLoop(t, k), &journal{}
			c := l.adopt(new(Conn), 7, j, tt.flags)
			c.Write([]byte(tt.queued))
			c.CloseWrite()
			c.CloseWrite()
			c.Write([]byte("too late"))
			c.Queue([]byte("too late"))
			if (k.shutdown == 1) != tt.early {
				t.Errorf("%d FINs at once", k.shutdown)
			}
			for range 4 {
				c.ready(out, 0)
				l.settle(t)
			}
			j.expect(t, tt.heard...)
			if tt.heard != nil && tt.heard[0] == "close EPIPE" {
				return
			}
			if k.shutdown != 1 || string(k.sent) != tt.queued {
				t.Errorf("%d FINs behind %q", k.shutdown, k.sent)
			}
		})
	}
}

func TestConnecting(t *testing.T) {
	for name, tt := range map[string]struct {
		connects []answer
		heard    []string
	}{
		"success":         {[]answer{{}}, []string{"connect"}},
		"not yet":         {[]answer{{0, unix.EALREADY}}, nil},
		"not yet, then":   {[]answer{{0, unix.EALREADY}, {}}, []string{"connect"}},
		"refused":         {[]answer{{0, unix.ECONNREFUSED}, {}}, []string{"close ECONNREFUSED"}},
		"timed out, late": {[]answer{{0, unix.EALREADY}, {0, unix.ETIMEDOUT}, {}}, []string{"close ETIMEDOUT"}},
	} {
		t.Run(name, func(t *testing.T) {
			k := &kernel{connects: tt.connects, writes: []answer{{2, 0}}}
			l, j := fakeLoop(t, k), &journal{}
			c := l.adopt(new(Conn), 7, j, connecting)
			c.Queue([]byte("ab"))
			for range tt.connects {
				c.ready(out, 0)
				c.ready(out, 0) // nor does a second event before the end of the batch ask a failed socket again
			}
			l.settle(t)
			j.expect(t, tt.heard...)
			connected := len(tt.heard) == 1 && tt.heard[0] == "connect"
			if (string(k.sent) == "ab") != connected {
				t.Errorf("sent %q", k.sent)
			}
		})
	}
}

// A queue that never empties must not grow by what has long gone.
func TestQueueReusesItsArray(t *testing.T) {
	k := &kernel{}
	l := fakeLoop(t, k)
	c := l.adopt(new(Conn), 7, &journal{}, 0)
	piece := make([]byte, 100)
	c.Write(make([]byte, 1000))
	lent := cap(c.out.B) // the pool may have had a big one
	for range 10_000 {
		c.Write(piece)
		k.writes = []answer{{len(piece), 0}}
		c.ready(out, 0)
	}
	if c.Buffered() != 1000 || cap(c.out.B) > max(lent, 8<<10) {
		t.Errorf("%d bytes buffered in an array of %d", c.Buffered(), cap(c.out.B))
	}
}

// Collected writes go out together, in order with a big one that does not wait.
func TestCollect(t *testing.T) {
	k := &kernel{writes: []answer{{4, 0}, {1 << 20, 0}}}
	l := fakeLoop(t, k)
	c := l.adopt(new(Conn), 7, &journal{}, 0)
	l.Collect(true)
	c.Write([]byte("ab"))
	c.Write([]byte("cd"))
	l.Collect(false)
	if l.stats.Writes != 0 {
		t.Fatal("a collected write went out at once")
	}
	l.settle(t)
	l.Collect(true)
	c.Write([]byte("ef"))
	c.Write(make([]byte, collectable))
	if len(k.sent) != 4+2+collectable || string(k.sent[:6]) != "abcdef" || l.stats.Writes != 2 || c.Buffered() != 0 {
		t.Errorf("%d bytes in %d writes, %d buffered", len(k.sent), l.stats.Writes, c.Buffered())
	}
}

// Full asks for OnDrained only when it answers yes.
func TestFull(t *testing.T) {
	k := &kernel{}
	l, j := fakeLoop(t, k), &journal{}
	c := l.adopt(new(Conn), 7, j, 0)
	c.Write([]byte("abcd"))
	if c.Full(4) || c.has(wantDrain) || !c.Full(3) {
		t.Error("the limit is not counted as it should be")
	}
	k.writes = []answer{{4, 0}}
	c.ready(out, 0)
	j.expect(t, "drained")
}
