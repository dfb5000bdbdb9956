//go:build linux

package load

import (
	"context"
	"errors"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"weir/bench/proc"
	"weir/bench/wire"
)

// Fanout is one client's messages, each of which the server sends to all the others.
type Fanout struct {
	Size int     // payload bytes of a message, wire.StampSize at least
	Rate float64 // messages a second; 0: the next one when the last has reached everybody
	Window
}

// Spread is how a Fanout's messages got about. Its Ops are deliveries, and its Latency theirs: from
// the instant a message was due, or without a Rate was sent, to each client.
type Spread struct {
	Result
	Messages int64                   // that reached everybody, in the window
	Last     *hdrhistogram.Histogram // the same, to the last client of each message
}

var (
	errOneLoop   = errors.New("a fan-out needs a crowd of one loop and two connections or more")
	errTiny      = errors.New("a message of a fan-out has 8 bytes or more, since it carries a number")
	errPublisher = errors.New("the connection of the client that speaks was lost")
	errSilence   = errors.New("nothing was delivered: the server must send what one client says to all others, " +
		"as the harness's echo backend does for clients whose path is /fanout")
)

// Fanout lets the crowd's first client speak to all others. The Spread holds what was seen also when
// the error is not nil.
func (c *Crowd) Fanout(ctx context.Context, f Fanout) (Spread, error) {
	if len(c.workers) != 1 || c.Live() < 2 {
		return Spread{}, errOneLoop
	}
	if f.Size < wire.StampSize {
		return Spread{}, errTiny
	}
	if f.Rate != 0 {
		if err := CheckRate(f.Rate, 1); err != nil {
			return Spread{}, err
		}
	}
	base := now()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	elapsed := f.Window.watch(ctx, base)
	s := speech{worker: c.workers[0], last: newTally()}
	err := c.each(ctx, func(ctx context.Context, _ int, _ *worker) error { return s.run(ctx, f, base) })
	cancel()
	r := Spread{Result: c.gather(), Messages: s.last.ops, Last: s.last.latency}
	r.Elapsed = <-elapsed
	if err == nil && s.heard == 0 {
		err = errSilence
	}
	return r, err
}

// speech is the loop's part of a Fanout.
type speech struct {
	*worker
	author   *conn
	audience int   // clients that listen
	done     int   // messages that have reached all of them
	reached  []int // how many of them each message since has reached
	heard    int64 // deliveries in all
	last     tally
}

func (s *speech) run(ctx context.Context, f Fanout, base int64) error {
	s.talk = traffic{
		message: wire.NewMessage(f.Size), base: base,
		from: base + int64(f.Warmup), until: base + int64(f.Warmup+f.Duration),
	}
	t := &s.talk
	if f.Rate > 0 {
		t.gap = float64(time.Second) / f.Rate
	}
	for _, c := range s.talkers(0) {
		c.exchange = exchange{}
		if t.author == nil {
			t.author = c
		}
	}
	s.author, s.audience = t.author, s.live-1
	s.enter(hooks{echoed: s.delivered, lost: s.gone})
	before, _ := proc.ReadThread()
	defer func() { s.busyness(before, time.Duration(now()-base)) }()
	for deadline := t.until + int64(grace); ; {
		at := now()
		if t.until <= at && (s.done == t.ticks || at >= deadline) {
			break
		}
		if err := s.turn(ctx, min(s.speak(at), deadline)); err != nil {
			return err
		}
		switch {
		case s.author.state != open:
			return errPublisher
		case s.audience == 0:
			return errAllLost
		}
	}
	for _, n := range s.reached {
		for range s.audience - n {
			s.fault(FaultMissed, nil)
		}
	}
	return nil
}

// speak sends what is due and says when to speak next.
func (s *speech) speak(at int64) (next int64) {
	t := &s.talk
	if at >= t.until {
		return at + int64(grace)
	}
	say := func() {
		s.author.due++
		s.reached = append(s.reached, 0)
		t.ticks++
	}
	if t.gap == 0 && s.done == t.ticks {
		say()
	}
	for t.gap > 0 && t.dueAt(t.ticks) <= at {
		say()
	}
	if s.author.due > 0 {
		s.author.send()
	}
	if t.gap == 0 {
		return t.until
	}
	return min(t.dueAt(t.ticks), t.until)
}

// delivered counts a message that has reached c. Where the one that speaks gets its own, it is not counted.
func (s *speech) delivered(c *conn) {
	if c == s.author {
		return
	}
	at, number := now(), int(c.got)
	began := s.author.sentAt
	if s.talk.gap > 0 {
		began = s.talk.dueAt(number)
	}
	s.heard++
	if at >= s.talk.from && at < s.talk.until {
		s.ops++
	}
	if s.counts(began, at) {
		s.record(at - began)
	}
	if s.reached[number-s.done]++; s.reached[0] >= s.audience {
		s.complete(began, at)
	}
}

// complete strikes the oldest message off, which has reached everybody.
func (s *speech) complete(began, at int64) {
	s.done++
	s.reached = s.reached[1:]
	if at >= s.talk.from && at < s.talk.until {
		s.last.ops++
	}
	if s.counts(began, at) {
		s.last.record(at - began)
	}
}

// counts tells whether a latency is of the window: in the open loop a message belongs to the window it was due in.
func (s *speech) counts(began, at int64) bool {
	if s.talk.gap > 0 {
		return began >= s.talk.from
	}
	return at >= s.talk.from && at < s.talk.until
}

// gone takes a client that was lost out of what is expected.
func (s *speech) gone(c *conn, f Fault, err error) {
	s.fault(f, err)
	if c == s.author {
		return
	}
	s.audience--
	for number := s.done; number < int(c.got); number++ {
		s.reached[number-s.done]--
	}
	for len(s.reached) > 0 && s.reached[0] >= s.audience {
		s.done++
		s.reached = s.reached[1:]
	}
}
