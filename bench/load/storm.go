//go:build linux

package load

import (
	"context"
	"errors"
	"fmt"
	"time"

	"weir/bench/epoll"
	"weir/bench/proc"
	"weir/bench/wire"
)

// Gale is a storm of handshakes, or of short lives.
type Gale struct {
	Target      Target
	Concurrency int  // under way at any time
	Resume      bool // of TLS: each resumes a session; one that does not is a fault
	// Messages are sent and echoed, one after another, before the client leaves with a close
	// handshake. With none it resets the connection once it is upgraded.
	Messages int
	Size     int // of a message's payload, bytes
	Window
}

const retryPause = 10 * time.Millisecond

var errStormLost = errors.New("handshakes keep failing")

// Storm connects, upgrades and leaves without pause, on one loop. Ops are handshakes, or whole lives,
// and Latency runs from connect to 101, or to the end. The Result holds what was seen also when the
// error is not nil.
func Storm(ctx context.Context, g Gale) (Result, error) {
	if g.Resume {
		var err error
		if g.Target, err = g.Target.remembering(ctx); err != nil {
			return Result{}, err
		}
	}
	w, err := newWorker([]Target{g.Target}, epoll.Sources{}, 0)
	if err != nil {
		return Result{}, err
	}
	w.resume = g.Resume
	c := &Crowd{workers: []*worker{w}}
	defer c.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	base := now()
	elapsed := g.Window.watch(ctx, base)
	err = c.each(ctx, func(ctx context.Context, _ int, w *worker) error {
		s := storm{worker: w, gale: g, base: base}
		return s.run(ctx)
	})
	cancel()
	r := c.gather()
	r.Elapsed = <-elapsed
	return r, err
}

// storm is the loop's part of a Gale.
type storm struct {
	*worker
	gale     Gale
	base     int64
	again    []*conn // clients at the end of one life
	failures int     // without a success between them
}

func (s *storm) run(ctx context.Context) error {
	until := s.base + int64(s.gale.Warmup+s.gale.Duration)
	s.enter(hooks{upgraded: s.upgraded, failed: s.failed, lost: s.failed, echoed: s.echoed, parted: s.ended})
	s.talk = traffic{message: wire.NewMessage(s.gale.Size), until: until}
	for range s.gale.Concurrency {
		c := &conn{w: s.worker, state: dead}
		s.conns = append(s.conns, c)
		s.again = append(s.again, c)
	}
	before, _ := proc.ReadThread()
	err := s.rage(ctx, until)
	s.busyness(before, time.Duration(now()-s.base))
	if err != nil {
		return err
	}
	return s.subside(ctx, until+int64(grace))
}

// rage begins a life wherever one has ended.
func (s *storm) rage(ctx context.Context, until int64) error {
	heard := s.base // when a life last ended
	var ready []*conn
	for at := s.base; at < until; at = now() {
		ready, s.again = s.again, ready[:0]
		for _, c := range ready {
			c.exchange = exchange{}
			if err := s.dial(c); err != nil {
				s.failed(c, FaultConnect, err)
			}
		}
		if len(ready) > 0 {
			heard = at
		} else if at-heard > int64(s.patience) {
			s.giveUp(s.patience)
		}
		if s.failures > 4*s.gale.Concurrency+maxRefusals {
			return errStormLost
		}
		wait := until
		if s.failures > 0 {
			wait = min(until, at+int64(retryPause))
		}
		if err := s.turn(ctx, wait); err != nil {
			return err
		}
		s.speak()
	}
	return nil
}

// subside awaits the ends of the lives under way. One that does not end is a fault, however many others have.
func (s *storm) subside(ctx context.Context, deadline int64) error {
	for s.pending+s.live > 0 {
		if now() >= deadline {
			s.giveUp(grace)
			return nil
		}
		if err := s.turn(ctx, deadline); err != nil {
			return err
		}
		s.speak()
	}
	return nil
}

// speak sends what the batch of events has made due.
func (s *storm) speak() {
	ready := s.talk.ready
	s.talk.ready = s.talk.ready[:0] // sending adds none
	for _, c := range ready {
		if c.state != open {
			continue
		}
		if int(c.got) < s.gale.Messages {
			c.due = 1
			c.send()
		} else {
			c.leave()
		}
	}
}

func (s *storm) upgraded(c *conn) {
	if s.gale.Messages > 0 {
		s.talk.ready = append(s.talk.ready, c)
		return
	}
	s.live--
	s.drop(c) // with RST
	s.ended(c)
}

func (s *storm) echoed(c *conn) { s.talk.ready = append(s.talk.ready, c) }

func (s *storm) ended(c *conn) {
	s.failures = 0
	if at := now(); at >= s.base+int64(s.gale.Warmup) && at < s.talk.until {
		s.ops++
		s.record(at - c.began)
	}
	s.again = append(s.again, c)
}

func (s *storm) failed(c *conn, f Fault, err error) {
	s.fault(f, err)
	s.failures++
	s.again = append(s.again, c)
}

// giveUp ends the handshakes under way and the clients that wait for an echo, or for the end they asked for. All
// have had so long.
func (s *storm) giveUp(within time.Duration) {
	s.expire(within)
	for _, c := range s.conns {
		if c.state == open {
			s.lose(c, FaultTimeout, fmt.Errorf("no echo, or no end after the close frame, within %s", within))
		}
	}
}
