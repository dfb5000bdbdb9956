//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"weir/bench/load"
	"weir/bench/proc"
	"weir/bench/swarm"
)

// idlers are the connections that are held, in this process or in several.
type idlers interface {
	Live() int
	Hold(context.Context, time.Duration) (load.Result, error)
	Pids() []int // of the processes they live in; none: this one
	Close()
}

// own are idlers of this process.
type own struct{ *load.Crowd }

func (own) Pids() []int { return nil }

// measureIdle opens a crowd, lets it settle, and holds it idle through the window. What a runtime with
// a garbage collector keeps of the handshakes' garbage is a matter of when it last collected, so of a
// peer whose Place.Settles is set one collection is asked for before the window. Without it a peer's
// memory is what it has come down to by itself in the time it was given to settle.
func measureIdle(ctx context.Context, s Scenario, target load.Target, of Subject) (Figures, error) {
	rss, err := proc.ReadRSS(of.Pids...)
	if err != nil {
		return Figures{}, err
	}
	slab, err := proc.ReadSlab()
	if err != nil {
		return Figures{}, err
	}
	crowd, opening := openIdlers(ctx, s, target)
	if crowd == nil {
		return Figures{}, opening
	}
	defer crowd.Close()
	opened := crowd.Live()
	settled, err := crowd.Hold(ctx, max(s.Warmup, s.Settle))
	if err != nil {
		return Figures{}, errors.Join(opening, err, settled.Err())
	}
	goroutines, settleErr := 0, error(nil)
	if of.Settle != nil {
		goroutines, settleErr = of.Settle(ctx)
	}
	m := meter{pids: of.Pids, load: crowd.Pids()}
	m.begin()
	r, err := crowd.Hold(ctx, s.Seconds)
	m.end()
	f := m.figures(r)
	f.Ops, f.Pongs, f.TLS, f.Goroutines = int64(crowd.Live()), r.Pongs, negotiated(settled), goroutines
	rssAfter, rssErr := proc.ReadRSS(of.Pids...)
	slabAfter, slabErr := proc.ReadSlab()
	threads, threadsErr := proc.ReadThreads(of.Pids...)
	f.Threads = threads
	f.RSSPerConn = float64(rssAfter-rss) / float64(opened)
	f.SlabPerConn = float64(slabAfter-slab) / float64(opened)
	return f, errors.Join(opening, err, settled.Err(), settleErr, r.Err(), m.err, rssErr, slabErr, threadsErr, fewer(opened, s.Conns))
}

// openIdlers gives nil if there are none; those there are may come with an error, too.
func openIdlers(ctx context.Context, s Scenario, target load.Target) (idlers, error) {
	if s.Processes > 1 {
		return openHerd(ctx, s, target)
	}
	crowd, err := load.Open(ctx, load.Config{Target: target, Conns: s.Conns, Ramp: s.Ramp, Threads: s.Threads, Ping: s.Ping})
	if err != nil {
		return nil, err
	}
	return own{crowd}, nil
}

// herd is a swarm as idlers.
type herd struct {
	*swarm.Swarm
	opening swarm.Tally // its faults are the first Hold's to tell
	live    int
}

const (
	pendingToAny  = 256 // handshakes under way, within any listener's backlog
	patienceOfAny = 10 * time.Second
)

func openHerd(ctx context.Context, s Scenario, target load.Target) (idlers, error) {
	if target.TLS != nil || s.Ping > 0 {
		return nil, errors.New("clients in several processes speak ws:// alone, and send no pings")
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	crowd, err := swarm.Start([]string{self, "swarm"}, s.Processes)
	if err != nil {
		return nil, err
	}
	h := &herd{Swarm: crowd}
	ramp := s.Ramp
	if ramp <= 0 {
		ramp = load.DefaultRamp
	}
	h.opening, err = crowd.Open(ctx, swarm.Open{
		Target: swarm.Target{Addr: target.Addr, Host: target.Host, Path: target.Path},
		Conns:  s.Conns, Rate: float64(ramp), Pending: pendingToAny, Within: patienceOfAny,
	})
	if h.live = h.opening.Live; h.live == 0 || ctx.Err() != nil {
		crowd.Stop()
		return nil, fmt.Errorf("no connection could be opened: %w", errors.Join(err, h.opening.Err()))
	}
	return h, err
}

func (h *herd) Live() int { return h.live }

func (h *herd) Hold(ctx context.Context, d time.Duration) (load.Result, error) {
	tally, err := h.Swarm.Hold(ctx, d)
	h.live = tally.Live
	tally.Add(&h.opening)
	h.opening = swarm.Tally{}
	return load.Result{Elapsed: d, Faults: tally.Faults, First: tally.First, Busy: tally.Busy, Starved: tally.Starved}, err
}

func (h *herd) Close() { h.Stop() }
