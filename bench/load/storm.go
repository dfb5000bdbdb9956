//go:build linux

package load

import (
	"context"
	"errors"
	"time"

	"weir/bench/proc"
)

// Gale is a storm of handshakes.
type Gale struct {
	Target      Target
	Concurrency int  // handshakes under way at any time
	Resume      bool // of TLS: each resumes a session; one that does not is a fault
	Window
}

const retryPause = 10 * time.Millisecond

var errStormLost = errors.New("handshakes keep failing")

// Storm connects, upgrades and resets without pause, on one loop. Ops are whole handshakes,
// Latency runs from connect to 101. The Result holds what was seen also when the error is not nil.
func Storm(ctx context.Context, g Gale) (Result, error) {
	if g.Resume {
		var err error
		if g.Target, err = g.Target.remembering(ctx); err != nil {
			return Result{}, err
		}
	}
	w, err := newWorker(g.Target, 0, 0)
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
		return w.storm(ctx, g, base)
	})
	cancel()
	r := c.gather()
	r.Elapsed = <-elapsed
	return r, err
}

func (w *worker) storm(ctx context.Context, g Gale, base int64) error {
	from, until := base+int64(g.Warmup), base+int64(g.Warmup+g.Duration)
	refusals := 0
	var again []*conn
	w.upgraded = func(c *conn) {
		refusals = 0
		if at := now(); at >= from && at < until {
			w.ops++
			w.record(at - c.began)
		}
		w.live--
		w.drop(c) // with RST
		again = append(again, c)
	}
	w.failed = func(c *conn) {
		refusals++
		again = append(again, c)
	}
	for range g.Concurrency {
		c := &conn{w: w, state: dead}
		w.conns = append(w.conns, c)
		again = append(again, c)
	}
	heard := base // when a handshake last ended
	before, _ := proc.ReadThread()
	defer func() { w.busyness(before, time.Duration(now()-base)) }()
	var ready []*conn
	for at := base; at < until; at = now() {
		ready, again = again, ready[:0]
		for _, c := range ready {
			if err := w.dial(c); err != nil {
				w.fault(FaultConnect, err)
				w.failed(c)
			}
		}
		if len(ready) > 0 {
			heard = at
		} else if at-heard > int64(w.patience) {
			w.expire()
		}
		if refusals > 4*g.Concurrency+maxRefusals {
			return errStormLost
		}
		wait := until
		if refusals > 0 {
			wait = min(until, at+int64(retryPause))
		}
		if err := w.turn(ctx, wait); err != nil {
			return err
		}
	}
	return nil
}
