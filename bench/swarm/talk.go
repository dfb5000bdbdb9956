//go:build linux

package swarm

import (
	"errors"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"weir/bench/load"
	"weir/bench/proc"
	"weir/bench/wire"
)

const (
	grace        = 5 * time.Second // how long echoes are awaited after the last message
	collectEvery = int64(10 * time.Millisecond)
)

// talking sends on a fixed schedule, come what may: a round over the active clients, one message every
// gap. Latency counts from the instant a message was due, so that a stall is not hidden.
type talking struct {
	active      []*client
	message     wire.Message
	gap         float64 // nanoseconds between two messages of the loop
	base        int64   // when the first one is due
	from, until int64   // the window
	ticks       int     // messages that were due so far
	before      proc.Thread
	began       int64
	over        bool // the window is, and echoes are awaited
}

func (w *worker) talk(t Talk, at int64) (phase, error) {
	if t.Size < wire.StampSize || t.Size > MaxSize || t.Duration <= 0 {
		return nil, fmt.Errorf("a talk of %d bytes for %s", t.Size, t.Duration)
	}
	if err := load.CheckRate(t.Rate, t.Active); err != nil {
		return nil, err
	}
	p := &talking{message: wire.NewMessage(t.Size), base: at + t.At - time.Now().UnixNano(), began: at}
	p.from = p.base + int64(t.Warmup)
	p.until = p.from + int64(t.Duration)
	for i := range w.clients {
		c := &w.clients[i]
		if c.state == open && len(p.active) < t.Active {
			c.slot, c.sent, c.got = int32(len(p.active)), 0, 0
			p.active = append(p.active, c)
		}
	}
	if len(p.active) < t.Active {
		return nil, fmt.Errorf("%d clients are to talk, %d are open", t.Active, len(p.active))
	}
	p.gap = float64(time.Second) / (t.Rate * float64(max(len(p.active), 1)))
	p.before, _ = proc.ReadThread()
	w.latency = hdrhistogram.New(int64(time.Microsecond), int64(time.Minute), 3)
	return p, nil
}

func (p *talking) step(w *worker, at int64) (next int64, done bool, err error) {
	if w.live == 0 {
		return 0, true, errAllLost
	}
	if len(p.active) == 0 { // the share of this process
		return p.until, at >= p.until, nil
	}
	for {
		due := p.dueAt(p.ticks)
		if due >= p.until {
			break
		}
		if due > at {
			return due, false, nil
		}
		if c := p.active[p.ticks%len(p.active)]; c.state == open {
			c.sent++
			c.write(p.message.Stamp(uint32(c.slot), c.sent-1))
		}
		p.ticks++
	}
	if at < p.until {
		return p.until, false, nil
	}
	if !p.over {
		p.over = true
		w.account(p.before, p.began, at)
	}
	return p.collect(w, at)
}

// collect awaits the echoes still under way; those that do not come are faults.
func (p *talking) collect(w *worker, at int64) (next int64, done bool, err error) {
	missing := 0
	for _, c := range p.active {
		if c.state == open {
			missing += int(c.sent - c.got)
		}
	}
	if at < p.until+int64(grace) {
		return at + collectEvery, missing == 0, nil
	}
	for range missing {
		w.fault(load.FaultLost, errNoEcho)
	}
	for _, c := range p.active {
		c.late, c.got = c.late+c.sent-c.got, c.sent
	}
	return 0, true, nil
}

var errNoEcho = errors.New("nothing came back within " + grace.String())

func (p *talking) dueAt(tick int) int64 { return p.base + int64(float64(tick)*p.gap) }

// echoed counts the echo of c's message number c.got, if that was due in the window.
func (p *talking) echoed(c *client) {
	due := p.dueAt(int(c.got)*len(p.active) + int(c.slot))
	if due < p.from {
		return
	}
	c.w.Ops++
	h := c.w.latency
	_ = h.RecordValue(min(max(now()-due, h.LowestTrackableValue()), h.HighestTrackableValue()))
}
