//go:build linux

package load

import (
	"context"
	"errors"
	"fmt"
	"time"

	"weir/bench/proc"
	"weir/bench/wire"
)

// Talk is what the active clients of a crowd say.
type Talk struct {
	Active int     // how many clients talk; 0 for all
	Size   int     // payload bytes of a message
	Rate   float64 // messages a second and client; 0 for the closed loop
	Window
}

// Window is the measured part of a phase. Begin and End, if set, are called at its edges on a
// goroutine of their own.
type Window struct {
	Warmup, Duration time.Duration
	Begin, End       func()
}

// share is the part of one of several loops.
func (t Talk) share(i, loops int) Talk {
	if t.Active > 0 {
		if t.Active = t.Active*(i+1)/loops - t.Active*i/loops; t.Active == 0 {
			t.Active = nobody
		}
	}
	return t
}

// Bounds of a rate, messages a second. Below, the schedule's instants do not fit 64 bits of nanoseconds; above,
// of all clients together, no loop keeps up with it.
const (
	MinRate = 1e-6
	MaxRate = 1e6
)

// CheckRate is an error if so many clients cannot send messages at that rate each.
func CheckRate(rate float64, clients int) error {
	switch all := rate * float64(clients); {
	case !(rate >= MinRate && rate <= MaxRate):
		return fmt.Errorf("a rate of %g messages a second is not between %.6f and %d", rate, MinRate, int(MaxRate))
	case all > MaxRate:
		return fmt.Errorf("%g messages a second from each of %d clients are %.0f, more than %d: lower the rate or let fewer talk", rate, clients, all, int(MaxRate))
	}
	return nil
}

// nobody tells a loop's share of a few from 0, which is all.
const nobody = -1

// grace is how long echoes are awaited after the last message, and the ends of a storm's lives after its window.
const grace = 2 * time.Second

// traffic is the talk of one loop's clients.
type traffic struct {
	active      []*conn
	message     wire.Message
	from, until int64   // the window
	base        int64   // when the schedule's first message is due
	gap         float64 // ns between two messages of the loop; 0 in the closed loop
	ticks       int     // messages of the schedule that were due so far
	ready       []*conn // clients with messages due, served at the end of the batch
	author      *conn   // whose messages all others get; nil: each gets its own
}

var errAllLost = errors.New("every connection was lost")

// echo runs the talk of this loop's clients from base on.
func (w *worker) echo(ctx context.Context, t Talk, base int64) error {
	x := traffic{
		active: w.talkers(t.Active), message: wire.NewMessage(t.Size), base: base,
		from: base + int64(t.Warmup), until: base + int64(t.Warmup+t.Duration),
	}
	if len(x.active) == 0 {
		return nil
	}
	for slot, c := range x.active {
		c.exchange = exchange{slot: slot}
		if t.Rate == 0 {
			c.due = 1
		}
	}
	if t.Rate > 0 {
		x.gap = float64(time.Second) / (t.Rate * float64(len(x.active)))
	} else {
		x.ready = append(x.ready, x.active...)
	}
	w.talk = x
	w.enter(hooks{echoed: w.talk.echoed})
	return w.converse(ctx, nil)
}

func (w *worker) talkers(active int) []*conn {
	limit := active
	if active == 0 {
		limit = len(w.conns)
	}
	var list []*conn
	for _, c := range w.conns {
		if c.state == open && len(list) < limit {
			list = append(list, c)
		}
	}
	return list
}

// converse lets the clients talk until the window's end. Those of a return come back when they are lost.
func (w *worker) converse(ctx context.Context, back *comeback) error {
	t := &w.talk
	before, _ := proc.ReadThread()
	began := now()
	account := func() { w.busyness(before, time.Duration(now()-began)) }
	for {
		at := now()
		over := at >= t.until
		next := t.tick(at)
		for _, c := range t.ready {
			if over && t.gap == 0 {
				c.due = 0 // too late to begin another round
			}
			if c.state == open {
				c.send()
			}
		}
		t.ready = t.ready[:0]
		if over {
			account()
			return w.collect(ctx, at+int64(grace), back)
		}
		switch {
		case back != nil:
			next = min(next, back.dial(at))
		case w.live == 0:
			account()
			return errAllLost
		}
		if err := w.turn(ctx, min(next, t.until)); err != nil {
			account()
			return err
		}
	}
}

// busyness notes how the loop's thread fared since it began.
func (w *worker) busyness(before proc.Thread, elapsed time.Duration) {
	if after, err := proc.ReadThread(); err == nil {
		w.busy, w.starved = after.Share(before, elapsed)
	}
}

// collect awaits the echoes still under way, and those on their way back. Echoes that do not come are faults.
func (w *worker) collect(ctx context.Context, deadline int64, back *comeback) error {
	for {
		missing, next := 0, deadline
		if back != nil && back.away > 0 {
			next = min(next, back.dial(now()))
		}
		for _, c := range w.talk.active {
			if c.state == open {
				missing += int(c.sent-c.got) + c.due
			}
		}
		if missing == 0 && (back == nil || back.away == 0) || now() >= deadline {
			for range missing {
				w.fault(FaultLost, nil)
			}
			return nil
		}
		if err := w.turn(ctx, next); err != nil {
			return err
		}
	}
}

// tick makes the messages due whose time has come and says when the next one is. The schedule is
// a round over the active clients, one every gap, so no heap of timers is needed.
func (t *traffic) tick(at int64) (next int64) {
	if t.gap == 0 {
		return t.until
	}
	for {
		when := t.dueAt(t.ticks)
		if when > at || when >= t.until {
			return when
		}
		c := t.active[t.ticks%len(t.active)]
		c.due++
		t.ready = append(t.ready, c)
		t.ticks++
	}
}

func (t *traffic) dueAt(tick int) int64 { return t.base + int64(float64(tick)*t.gap) }

// echoed counts the echo of c's message number c.got.
func (t *traffic) echoed(c *conn) {
	at := now()
	began := c.sentAt
	if t.gap > 0 {
		began = t.dueAt(int(c.got)*len(t.active) + c.slot)
	}
	inside := at >= t.from && at < t.until
	if inside {
		c.w.ops++
	}
	// In the open loop a message belongs to the window it was due in, however late its echo.
	if t.gap > 0 && began >= t.from || t.gap == 0 && inside {
		c.w.record(at - began)
	}
	if t.gap == 0 && at < t.until {
		c.due = 1
		t.ready = append(t.ready, c)
	}
}
