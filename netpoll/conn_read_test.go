package netpoll

import (
	"testing"

	"golang.org/x/sys/unix"
)

// One readable event, then the end of the batch.
func TestRead(t *testing.T) {
	const full = fakeReadBuffer
	for name, tt := range map[string]struct {
		reads    []answer
		flags    flag
		heard    []string
		readings int
	}{
		"a short read means drained":           {[]answer{{3, 0}, {3, 0}}, 0, []string{"data 3"}, 1},
		"a full one does not":                  {[]answer{{full, 0}, {3, 0}}, 0, []string{"data 8", "data 3"}, 2},
		"nothing there":                        {nil, 0, nil, 1},
		"interrupted":                          {[]answer{{0, unix.EINTR}, {3, 0}}, 0, []string{"data 3"}, 2},
		"interrupted for a whole turn":         {[]answer{{0, unix.EINTR}, {0, unix.EINTR}, {0, unix.EINTR}, {0, unix.EINTR}, {2, 0}}, 0, []string{"data 2"}, 5},
		"the end":                              {[]answer{{0, 0}, {3, 0}}, 0, []string{"eof"}, 1},
		"reset":                                {[]answer{{0, unix.ECONNRESET}, {3, 0}}, 0, []string{"close ECONNRESET"}, 1},
		"reset behind data":                    {[]answer{{full, 0}, {0, unix.ECONNRESET}}, 0, []string{"data 8", "close ECONNRESET"}, 2},
		"paused":                               {[]answer{{3, 0}}, paused, nil, 0},
		"hung up: a short read is not the end": {[]answer{{3, 0}, {2, 0}, {0, 0}}, hungUp, []string{"data 3", "data 2", "eof"}, 3},
		"hung up, as a stale event says":       {[]answer{{3, 0}, {0, unix.EAGAIN}, {0, 0}}, hungUp, []string{"data 3"}, 2},
		"past its end":                         {[]answer{{3, 0}}, ended, nil, 0},
		"failed already":                       {[]answer{{3, 0}}, broken, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			k, j := &kernel{reads: tt.reads}, &journal{}
			l := fakeLoop(t, k)
			c := l.adopt(new(Conn), 7, j, tt.flags)
			c.ready(in, 0)
			l.settle(t)
			j.expect(t, tt.heard...)
			if k.readings != tt.readings {
				t.Errorf("%d calls of read, want %d", k.readings, tt.readings)
			}
		})
	}
}

func TestReadSharesTheTurn(t *testing.T) {
	k := &kernel{}
	for range 3*readsPerTurn + 1 {
		k.reads = append(k.reads, answer{fakeReadBuffer, 0})
	}
	l, j := fakeLoop(t, k), &journal{}
	c := l.adopt(new(Conn), 7, j, 0)
	c.ready(in, 0)
	for turn := 1; turn <= 3; turn++ {
		if len(j.heard) != turn*readsPerTurn {
			t.Fatalf("turn %d: %d reads so far, want %d a turn", turn, len(j.heard), readsPerTurn)
		}
		l.runDeferred()
	}
	if len(j.heard) != 3*readsPerTurn+1 || l.later.armed {
		t.Errorf("%d reads, armed %v: want all of them and rest", len(j.heard), l.later.armed)
	}
}

// There is no edge for bytes that came while the connection was paused, or before it.
func TestResumeReadsWithoutAnEdge(t *testing.T) {
	for name, tt := range map[string]struct {
		first  []answer // what the first event finds; the handler pauses at once
		missed bool     // another event comes while paused
		then   []answer
		heard  []string
	}{
		"bytes left by the pause":    {[]answer{{fakeReadBuffer, 0}}, false, []answer{{2, 0}}, []string{"data 8", "data 2"}},
		"bytes that came meanwhile":  {[]answer{{1, 0}}, true, []answer{{2, 0}}, []string{"data 1", "data 2"}},
		"drained before, none since": {[]answer{{1, 0}}, false, nil, []string{"data 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			k := &kernel{reads: tt.first}
			l, j := fakeLoop(t, k), &journal{}
			pause := func(c *Conn) { c.Pause() }
			j.do = map[string]func(*Conn){"data 8": pause, "data 1": pause}
			c := l.adopt(new(Conn), 7, j, 0)
			c.ready(in, 0)
			if tt.missed {
				c.ready(in, 0)
			}
			l.settle(t)
			k.reads = tt.then
			before := k.readings
			c.Resume()
			c.Resume() // twice is once
			if k.readings != before {
				t.Error("Resume read at once: it may be called from within a handler")
			}
			l.settle(t)
			j.expect(t, tt.heard...)
			if len(tt.then) == 0 && k.readings != before {
				t.Error("a read for nothing")
			}
		})
	}
}

func TestPauseAndResumeWithinOnData(t *testing.T) {
	k := &kernel{reads: []answer{{fakeReadBuffer, 0}, {fakeReadBuffer, 0}, {1, 0}}}
	l, j := fakeLoop(t, k), &journal{}
	j.do = map[string]func(*Conn){"data 8": func(c *Conn) { c.Pause(); c.Resume() }}
	l.adopt(new(Conn), 7, j, 0).ready(in, 0)
	l.settle(t)
	j.expect(t, "data 8", "data 8", "data 1")
}

// An owner that closes, in whatever callback, hears no more, whatever the event still held.
func TestNothingIsHeardAfterClose(t *testing.T) {
	const hangUp = out | in | hangUpEvents
	for _, at := range []string{"connect", "data 8", "drained", "eof", "close ECONNRESET"} {
		for name, closing := range map[string]func(*Conn){
			"close":        func(c *Conn) { c.Close() },
			"twice":        func(c *Conn) { c.Close(); c.Close() },
			"and pause":    func(c *Conn) { c.Close(); c.Pause() },
			"and go on":    func(c *Conn) { c.Close(); c.Resume(); c.Write([]byte("x")); c.Queue([]byte("x")); c.CloseWrite() },
			"pause before": func(c *Conn) { c.Pause(); c.NotifyDrained(); c.CloseWrite(); c.Close() },
			"while queued": func(c *Conn) { c.Queue([]byte("abc")); c.NotifyDrained(); c.Close() },
		} {
			t.Run(at+" "+name, func(t *testing.T) {
				k := &kernel{reads: []answer{{8, 0}, {0, 0}, {0, 0}}, peeks: []answer{{0, 0}, {0, 0}},
					connects: []answer{{}}, writes: []answer{{8, 0}, {8, 0}}}
				if at == "close ECONNRESET" {
					k.reads[1].errno = unix.ECONNRESET
				}
				l, j := fakeLoop(t, k), &journal{}
				j.do = map[string]func(*Conn){at: closing}
				c := l.adopt(new(Conn), 7, j, connecting)
				c.Write([]byte("ab"))
				c.NotifyDrained()
				c.ready(hangUp, 0)
				c.ready(hangUp, 0)
				l.settle(t)
				if len(j.heard) == 0 || j.heard[len(j.heard)-1] != at {
					t.Errorf("heard %q, want %q to be the last", j.heard, at)
				}
				if len(k.closed) != 1 || l.conns.Len() != 0 || l.stats.Buffered != 0 || c.out != nil {
					t.Errorf("closed %v, %d in the table, %d bytes buffered", k.closed, l.conns.Len(), l.stats.Buffered)
				}
			})
		}
	}
}

// A Conn closed and given a new socket within a callback must not take the old socket's events for its own.
func TestConnReusedWithinACallback(t *testing.T) {
	for _, at := range []string{"connect", "data 8", "drained", "eof", "close ECONNRESET"} {
		t.Run(at, func(t *testing.T) {
			k := &kernel{reads: []answer{{8, 0}, {0, 0}}, peeks: []answer{{0, 0}}, connects: []answer{{}}, writes: []answer{{2, 0}}}
			if at == "close ECONNRESET" {
				k.reads[1].errno = unix.ECONNRESET
			}
			l, j := fakeLoop(t, k), &journal{}
			second := &journal{}
			j.do = map[string]func(*Conn){at: func(c *Conn) { c.Close(); l.adopt(c, 8, second, connecting) }}
			c := l.adopt(new(Conn), 7, j, connecting)
			c.Write([]byte("ab"))
			c.NotifyDrained()
			c.ready(in|out|hangUpEvents, 0)
			l.settle(t)
			second.expect(t)
			if !c.Open() || l.conns.Get(8) != c || l.conns.Get(7) != nil || len(k.closed) != 1 {
				t.Fatalf("open %v, table %v, closed %v", c.Open(), l.conns.All(), k.closed)
			}
			k.connects, k.reads = []answer{{}}, []answer{{3, 0}}
			c.ready(out, 0)
			c.ready(in, 0)
			l.settle(t)
			second.expect(t, "connect", "data 3")
		})
	}
}

// A number that was closed and given out again within a batch: what is left of the old socket's events
// reaches the new one and must do no harm.
func TestStaleEvents(t *testing.T) {
	k := &kernel{peeks: []answer{{0, unix.EAGAIN}}, connects: []answer{{0, unix.EALREADY}}}
	l, j := fakeLoop(t, k), &journal{}
	for _, more := range []flag{0, paused, blocked, connecting} {
		c := l.adopt(new(Conn), 7, j, more)
		c.ready(in|out|hangUpEvents, 0)
		l.settle(t)
		if c.has(hungUp) && more != connecting {
			t.Errorf("%b: still taken for hung up", more)
		}
	}
	j.expect(t)
}

func TestClosingAnotherConnection(t *testing.T) {
	k := &kernel{reads: []answer{{fakeReadBuffer, 0}, {1, 0}}}
	l, j := fakeLoop(t, k), &journal{}
	b := l.adopt(new(Conn), 8, j, paused|readable)
	b.Resume()
	b.Queue([]byte("to be dropped"))
	a := l.adopt(new(Conn), 7, &journal{do: map[string]func(*Conn){"data 8": func(*Conn) { b.Close() }}}, 0)
	a.ready(in, 0)
	l.event(8, in, 0) // of the same batch
	l.settle(t)
	j.expect(t)
	if len(k.sent) != 0 || len(k.closed) != 1 || !a.Open() {
		t.Errorf("sent %q, closed %v", k.sent, k.closed)
	}
}

// What was put off must not keep ended connections alive.
func TestDeferredListsLetGo(t *testing.T) {
	k := &kernel{}
	l, j := fakeLoop(t, k), &journal{}
	for fd := range 100 {
		c := l.adopt(new(Conn), fd, j, paused|readable)
		c.Queue([]byte("x"))
		c.Resume()
		c.fail(unix.EPIPE)
	}
	l.settle(t)
	for name, s := range map[string]swap[*Conn]{"failed": l.later.failed, "resume": l.later.resume, "dirty": l.later.dirty} {
		for _, list := range [][]*Conn{s.list, s.spare} {
			for _, c := range list[:cap(list)] {
				if c != nil {
					t.Fatalf("%s holds an ended connection", name)
				}
			}
		}
	}
	if len(j.heard) != 100 || len(k.closed) != 100 || l.stats.Buffered != 0 || l.conns.Len() != 0 {
		t.Errorf("%d told, %d closed, %d bytes buffered, %d left", len(j.heard), len(k.closed), l.stats.Buffered, l.conns.Len())
	}
}
