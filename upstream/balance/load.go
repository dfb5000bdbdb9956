package balance

import (
	"math"
	"sync/atomic"
	"time"
)

// Load is what changes about a member. Any goroutine may read and write it; it outlives the tables that it is in.
type Load struct {
	Active atomic.Int64 // sessions
	Down   atomic.Bool
	Off    atomic.Bool  // it is not to be chosen in a panic either; such a member is down as well
	Since  atomic.Int64 // Unix nanoseconds: when it joined or came back; 0: long ago

	pass clock // of RoundRobin: where it comes next
}

// Acquire counts a session in, unless there are max of them; 0: no matter how many.
func (l *Load) Acquire(max int) bool {
	if max == 0 {
		l.Active.Add(1)
		return true
	}
	for {
		n := l.Active.Load()
		if n >= int64(max) {
			return false
		}
		if l.Active.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// leastRamp is the share of its weight that a member starts with. With none it would get no session to prove itself by.
const leastRamp = 0.1

// ramp is the share of its weight that a member has by now, of a start that takes as long as slow.
func (l *Load) ramp(slow time.Duration, now time.Time) float64 {
	if slow <= 0 {
		return 1
	}
	since := l.Since.Load()
	if since == 0 {
		return 1
	}
	return min(1, max(leastRamp, float64(now.UnixNano()-since)/float64(slow)))
}

// A clock is a number that several goroutines move on.
type clock struct{ bits atomic.Uint64 }

func (c *clock) read() float64 { return math.Float64frombits(c.bits.Load()) }

// move sets the clock, unless another goroutine has since it was read.
func (c *clock) move(from, to float64) bool {
	return c.bits.CompareAndSwap(math.Float64bits(from), math.Float64bits(to))
}

// reach moves the clock on to at least t.
func (c *clock) reach(t float64) {
	for {
		now := c.read()
		if now >= t || c.move(now, t) {
			return
		}
	}
}
