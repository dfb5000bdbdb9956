//go:build linux

package swarm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"weir/bench/proc"
	"weir/bench/wire"
)

// grace is how long echoes are awaited after the last message.
const grace = 5 * time.Second

// Bounds of a rate, messages a second: below, the schedule does not fit 64 bits of nanoseconds; above, of all
// clients together, no loop keeps up with it.
const (
	minRate = 1e-6
	maxRate = 1e6
)

// talking sends on a fixed schedule, come what may: a round over the active clients, one message every
// gap. Latency counts from the instant a message was due, so that a stall is not hidden.
type talking struct {
	active      []*client
	message     message
	gap         float64 // nanoseconds between two messages of the loop
	base        int64   // when the first one is due
	from, until int64   // the window
	ticks       int     // messages that were due so far
	before      proc.Thread
	began       int64
	over        bool // the window is, and echoes are awaited
}

func (w *worker) talk(t Talk, at int64) (phase, error) {
	if t.Size < stampSize || t.Size > MaxSize || !(t.Rate >= minRate && t.Rate*float64(t.Active) <= maxRate) || t.Duration <= 0 {
		return nil, fmt.Errorf("a talk of %d bytes, %g times a second, for %s", t.Size, t.Rate, t.Duration)
	}
	p := &talking{message: newMessage(t.Size), base: at + t.At - time.Now().UnixNano(), began: at}
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
			c.write(p.message.stamp(uint32(c.slot), c.sent-1))
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
		return at + closingEvery, missing == 0, nil
	}
	for range missing {
		w.fault(faultMissing, errNoEcho)
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

// message is the one frame that all clients of a loop send, stamped anew before each write.
type message struct {
	frame []byte // masked
	body  int    // where the payload begins
	size  int    // of the payload, bytes
}

// stampSize is how many of the payload's first bytes hold the client's and the message's number.
const stampSize = 8

// A constant mask: a gateway cannot tell, and the load need not mask each message anew.
var mask = [4]byte{0x5b, 0xc6, 0x2e, 0x91}

func newMessage(size int) message {
	m := message{size: size}
	m.frame = wire.AppendHeader(nil, wire.Header{Fin: true, Opcode: wire.Binary, Masked: true, Mask: mask, Length: int64(size)})
	m.body = len(m.frame)
	m.frame = append(m.frame, make([]byte, size)...)
	wire.Mask(m.frame[m.body:], mask, 0)
	return m
}

func stampOf(slot, number uint32) [stampSize]byte {
	var s [stampSize]byte
	binary.BigEndian.PutUint32(s[:], slot)
	binary.BigEndian.PutUint32(s[4:], number)
	return s
}

// stamp makes the frame that client's message of that number.
func (m *message) stamp(slot, number uint32) []byte {
	s := stampOf(slot, number)
	wire.Mask(s[:], mask, 0)
	copy(m.frame[m.body:], s[:])
	return m.frame
}

func (m *message) matches(slot, number uint32, payload []byte) bool {
	return len(payload) == m.size && [stampSize]byte(payload) == stampOf(slot, number)
}
