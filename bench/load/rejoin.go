//go:build linux

package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"weir/bench/wire"
)

// Rejoin is a talk in the open loop whose clients come back when they lose their connection.
type Rejoin struct {
	Size int     // payload bytes of a message
	Rate float64 // messages a second and client, above 0
	// A client waits up to Jitter, at random, before it dials; twice as long after each attempt in
	// vain, up to eight times. It goes round the crowd's targets.
	Jitter time.Duration
	// Once ends the window early, when every client has come back from one loss.
	Once bool
	Window
}

// Step is what returns are counted by.
const Step = 100 * time.Millisecond

// Rejoined is how the clients of a Rejoin fared. Its Latency counts from the instants at which
// messages were due, those while their client was away among them.
type Rejoined struct {
	Result
	Returns  []int         // in each Step of the window
	Codes    map[int]int   // close codes that connections ended with, CodeAbnormal for none
	Unechoed int64         // messages that were sent on a connection that ended before their echo
	Moved    int           // clients that came back once at least
	Refusals int64         // attempts to come back that were in vain
	Longest  time.Duration // a client was without connection
	Span     time.Duration // from the first loss to the last return
}

// Back is how many times a client came back.
func (r *Rejoined) Back() (n int) {
	for _, returns := range r.Returns {
		n += returns
	}
	return n
}

// Rejoin lets the crowd talk and come back. The Rejoined holds what was seen also when the error is not nil.
func (c *Crowd) Rejoin(ctx context.Context, j Rejoin) (Rejoined, error) {
	if err := CheckRate(j.Rate, c.Live()); err != nil {
		return Rejoined{}, err
	}
	base := now()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	elapsed := j.Window.watch(ctx, base)
	backs := make([]*comeback, len(c.workers))
	err := c.each(ctx, func(ctx context.Context, i int, w *worker) error {
		backs[i] = newComeback(w, j, base)
		return backs[i].run(ctx)
	})
	cancel()
	all := newComeback(nil, j, base)
	for _, b := range backs {
		all.add(b)
	}
	r := all.Rejoined
	if all.last > 0 {
		r.Span = time.Duration(all.last - all.first)
	}
	r.Result = c.gather()
	r.Elapsed = <-elapsed
	return r, err
}

// comeback is one loop's part of a Rejoin.
type comeback struct {
	Rejoined
	w       *worker
	plan    Rejoin
	from    int64     // of the window
	absent  []absence // by the clients' slots
	away    int       // how many are absent
	first   int64     // loss, 0 for none
	last    int64     // return
	scanned int64     // when the absent were last looked at
}

// absence is one client's time without a connection.
type absence struct {
	since    int64 // 0: it is here
	dialAt   int64 // 0: it is dialling
	tries    int
	cause    error // of the first attempt that was in vain
	returned bool  // once at least
}

func newComeback(w *worker, j Rejoin, base int64) *comeback {
	return &comeback{w: w, plan: j, from: base + int64(j.Warmup), Rejoined: Rejoined{
		Codes: map[int]int{}, Returns: make([]int, max(1, (j.Duration+Step-1)/Step)),
	}}
}

func (b *comeback) run(ctx context.Context) error {
	w, j := b.w, b.plan
	x := traffic{
		active: w.talkers(0), message: wire.NewMessage(j.Size), base: b.from - int64(j.Warmup),
		from: b.from, until: b.from + int64(j.Duration),
	}
	if len(x.active) == 0 {
		return nil
	}
	x.gap = float64(time.Second) / (j.Rate * float64(len(x.active)))
	for slot, c := range x.active {
		c.exchange = exchange{slot: slot}
	}
	b.absent = make([]absence, len(x.active))
	w.talk = x
	w.enter(hooks{upgraded: b.returned, failed: b.refused, lost: b.lost, echoed: w.talk.echoed})
	err := w.converse(ctx, b)
	for _, a := range b.absent {
		if a.since == 0 {
			continue
		}
		b.Longest = max(b.Longest, time.Duration(now()-a.since))
		if err == nil {
			w.fault(FaultAway, b.stayedAway(a.cause))
		}
	}
	return err
}

// stayedAway tells of clients that were not back at the end, and why the first of them was not, if it ever tried.
func (b *comeback) stayedAway(cause error) error {
	err := fmt.Errorf("%d of %d clients were not back at the end", b.away, len(b.absent))
	if cause != nil {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// lost notes what a client had under way, and when it shall dial.
func (b *comeback) lost(c *conn, f Fault, err error) {
	if f == FaultClosed {
		b.Codes[closeCode(err)]++
	} else {
		b.w.fault(f, err) // the client ended it, so it has no code
	}
	b.Unechoed += int64(c.sent - c.got)
	c.exchange = exchange{slot: c.slot, due: c.due, sent: c.sent, got: c.sent} // a message that is half out goes out anew
	at := now()
	if b.first == 0 {
		b.first = at
	}
	b.away++
	b.absent[c.slot] = absence{since: at, returned: b.absent[c.slot].returned}
	b.postpone(c)
}

func (b *comeback) refused(c *conn, f Fault, err error) {
	b.Refusals++
	a := &b.absent[c.slot]
	if a.tries++; a.cause == nil {
		if a.cause = err; err == nil {
			a.cause = errors.New(string(f))
		}
	}
	b.postpone(c)
}

// postpone has a client dial the next target after a while.
func (b *comeback) postpone(c *conn) {
	a := &b.absent[c.slot]
	c.to = uint8((int(c.to) + 1) % len(b.w.targets))
	most := b.plan.Jitter << min(a.tries, 3)
	a.dialAt = now() + 1 + rand.Int64N(int64(most)+1)
}

func (b *comeback) returned(c *conn) {
	a, at := &b.absent[c.slot], now()
	b.Longest = max(b.Longest, time.Duration(at-a.since))
	b.Returns[min(max(int((at-b.from)/int64(Step)), 0), len(b.Returns)-1)]++
	b.last = at
	b.away--
	if !a.returned {
		b.Moved++
	}
	*a = absence{returned: true}
	if b.plan.Once && b.Moved == len(b.absent) {
		b.w.talk.until = min(b.w.talk.until, max(at, b.from))
	}
	c.send() // what became due meanwhile
}

const scanEvery = 5 * time.Millisecond

// dial dials for those whose time has come, and gives up handshakes that take too long. It says
// when it is to be called again.
func (b *comeback) dial(at int64) (next int64) {
	if b.away == 0 {
		return at + int64(time.Second)
	}
	if at-b.scanned < int64(scanEvery) {
		return b.scanned + int64(scanEvery)
	}
	b.scanned = at
	for slot := range b.absent {
		a, c := &b.absent[slot], b.w.talk.active[slot]
		switch {
		case a.since == 0 || a.dialAt > at || b.w.pending >= maxPending && a.dialAt > 0:
		case a.dialAt > 0:
			a.dialAt = 0
			if err := b.w.dial(c); err != nil {
				b.refused(c, FaultConnect, err)
			}
		case at-c.began > int64(b.w.patience):
			b.w.refuse(c, FaultTimeout, nil)
		}
	}
	return at + int64(scanEvery)
}

func (b *comeback) add(other *comeback) {
	for i, n := range other.Returns {
		b.Returns[i] += n
	}
	for code, n := range other.Codes {
		b.Codes[code] += n
	}
	b.Moved += other.Moved
	b.Unechoed += other.Unechoed
	b.Refusals += other.Refusals
	b.Longest = max(b.Longest, other.Longest)
	if b.last = max(b.last, other.last); other.first > 0 && (b.first == 0 || other.first < b.first) {
		b.first = other.first
	}
}
