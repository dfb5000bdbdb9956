//go:build linux

package load

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"weir/bench/epoll"
)

// Config is how a crowd is opened.
type Config struct {
	Target   Target
	Conns    int
	Ramp     int           // connections a second, DefaultRamp if 0
	Threads  int           // loops, 1 if 0
	Patience time.Duration // for any handshake to end, 10 s if 0

	Others []Target      // where clients may come back to, see Rejoin
	Ping   time.Duration // each client pings so often while the crowd is held; 0: none does
}

// DefaultRamp is how many connections a crowd opens a second, unless it is told.
const DefaultRamp = 5000

const (
	maxPending      = 128 // handshakes under way, within any listener's backlog
	maxRefusals     = 20  // failures without a success between them, after which no more is dialled
	defaultPatience = 10 * time.Second
)

// Crowd is a number of upgraded connections. Its methods are called by one goroutine at a time.
type Crowd struct {
	workers []*worker
	ping    time.Duration
}

// Open connects and upgrades. It gives up with an error when nothing can be opened; a crowd that
// is only smaller than asked for has its failures in the Faults of its next Result.
func Open(ctx context.Context, cfg Config) (*Crowd, error) {
	threads := max(cfg.Threads, 1)
	ramp := cfg.Ramp
	if ramp <= 0 {
		ramp = DefaultRamp
	}
	sources, err := epoll.SourcesFor(0, cfg.Conns, cfg.Target.Addr.Addr())
	if err != nil {
		return nil, err
	}
	c := &Crowd{ping: cfg.Ping}
	for range threads {
		w, err := newWorker(append([]Target{cfg.Target}, cfg.Others...), sources, cfg.Patience)
		if err != nil {
			c.Close()
			return nil, err
		}
		c.workers = append(c.workers, w)
	}
	err = c.each(ctx, func(ctx context.Context, i int, w *worker) error {
		n := cfg.Conns*(i+1)/threads - cfg.Conns*i/threads
		return w.open(ctx, n, float64(ramp)/float64(threads), uint32(i)<<24)
	})
	if err == nil && c.Live() == 0 {
		r := c.gather()
		err = fmt.Errorf("no connection could be opened: %w", r.Err())
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// open dials n clients at rate a second and awaits the end of their handshakes.
func (w *worker) open(ctx context.Context, n int, rate float64, firstID uint32) error {
	refusals := 0
	w.enter(hooks{
		upgraded: func(*conn) { refusals = 0 },
		failed: func(_ *conn, f Fault, err error) {
			w.fault(f, err)
			refusals++
		},
	})
	w.conns = make([]*conn, 0, n)
	start := now()
	heard, settled := start, 0 // when a handshake last ended
	for {
		at := now()
		due := min(n, 1+int(float64(at-start)/1e9*rate))
		for len(w.conns) < due && w.pending < maxPending && refusals < maxRefusals {
			c := &conn{w: w, id: firstID + uint32(len(w.conns)), state: dead}
			w.conns = append(w.conns, c)
			if err := w.dial(c); err != nil {
				w.failed(c, FaultConnect, err)
			}
		}
		stopped := len(w.conns) == n || refusals >= maxRefusals
		if stopped && w.pending == 0 {
			return nil
		}
		if s := len(w.conns) - w.pending; s != settled {
			heard, settled = at, s
		} else if w.pending > 0 && at-heard > int64(w.patience) {
			w.expire(w.patience)
			return nil
		}
		wait := at + int64(time.Second/2)
		if !stopped {
			wait = at + int64(time.Millisecond)
		}
		if err := w.turn(ctx, wait); err != nil {
			return err
		}
	}
}

// expire gives up the handshakes under way, which have had so long.
func (w *worker) expire(within time.Duration) {
	for _, c := range w.conns {
		if c.state < open {
			w.refuse(c, FaultTimeout, fmt.Errorf("no answer to the upgrade within %s", within))
		}
	}
}

// Live is how many connections are open.
func (c *Crowd) Live() int {
	n := 0
	for _, w := range c.workers {
		n += w.live
	}
	return n
}

// Hold keeps the crowd idle, answering pings; it fails when the crowd is lost.
func (c *Crowd) Hold(ctx context.Context, d time.Duration) (Result, error) {
	until := now() + int64(d)
	err := c.each(ctx, func(ctx context.Context, _ int, w *worker) error { return w.hold(ctx, until, c.ping) })
	r := c.gather()
	r.Elapsed = d
	return r, err
}

// Echo lets the crowd talk. The Result holds what was seen also when the error is not nil.
func (c *Crowd) Echo(ctx context.Context, t Talk) (Result, error) {
	if t.Rate != 0 {
		if err := CheckRate(t.Rate, cmp.Or(t.Active, c.Live())); err != nil {
			return Result{}, err
		}
	}
	base := now()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	elapsed := t.Window.watch(ctx, base)
	err := c.each(ctx, func(ctx context.Context, i int, w *worker) error {
		return w.echo(ctx, t.share(i, len(c.workers)), base)
	})
	cancel()
	r := c.gather()
	r.Elapsed = <-elapsed
	return r, err
}

// watch calls the edges of a window that follows base; the channel gives the window's length, cut
// short when ctx ends.
func (w Window) watch(ctx context.Context, base int64) <-chan time.Duration {
	from, until := base+int64(w.Warmup), base+int64(w.Warmup+w.Duration)
	elapsed := make(chan time.Duration, 1)
	go func() {
		defer close(elapsed) // which reads as 0
		if !sleep(ctx, from) {
			return
		}
		if w.Begin != nil {
			w.Begin()
		}
		sleep(ctx, until)
		if w.End != nil {
			w.End()
		}
		elapsed <- time.Duration(min(now(), until) - from)
	}()
	return elapsed
}

// sleep sleeps until an instant; false means that ctx ended before.
func sleep(ctx context.Context, until int64) bool {
	timer := time.NewTimer(time.Duration(until - now()))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// each runs a phase on all loops, each on a thread of its own, and returns the first error.
func (c *Crowd) each(ctx context.Context, phase func(context.Context, int, *worker) error) error {
	var group sync.WaitGroup
	errs := make([]error, len(c.workers))
	for i, w := range c.workers {
		group.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			defer epoll.PreciseTimers()()
			defer context.AfterFunc(ctx, w.loop.Wake)()
			errs[i] = phase(ctx, i, w)
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// gather sums the loops' tallies and starts them anew.
func (c *Crowd) gather() Result {
	sum := newTally()
	r := Result{Latency: sum.latency, Faults: sum.faults, Sessions: sum.sessions}
	for _, w := range c.workers {
		r.add(&w.tally)
		w.tally = newTally()
	}
	return r
}

// Close resets every connection.
func (c *Crowd) Close() {
	for _, w := range c.workers {
		w.dismiss()
		w.loop.Free()
	}
}
