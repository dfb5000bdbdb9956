//go:build linux

package bench

import (
	"context"
	"errors"

	"weir/bench/load"
	"weir/bench/proc"
)

// measureIdle opens a crowd, lets it settle, and holds it idle through the window. What a runtime with
// a garbage collector keeps of the handshakes' garbage is a matter of when it last collected, so one
// collection is asked for before the window.
func measureIdle(ctx context.Context, s Scenario, target load.Target, of Subject) (Figures, error) {
	rss, err := proc.ReadRSS(of.Pids...)
	if err != nil {
		return Figures{}, err
	}
	slab, err := proc.ReadSlab()
	if err != nil {
		return Figures{}, err
	}
	crowd, err := load.Open(ctx, load.Config{Target: target, Conns: s.Conns, Ramp: s.Ramp, Threads: s.Threads})
	if err != nil {
		return Figures{}, err
	}
	defer crowd.Close()
	opened := crowd.Live()
	settled, err := crowd.Hold(ctx, max(s.Warmup, s.Settle))
	if err != nil {
		return Figures{}, errors.Join(err, settled.Err())
	}
	goroutines, settleErr := 0, error(nil)
	if of.Settle != nil {
		goroutines, settleErr = of.Settle(ctx)
	}
	m := meter{pids: of.Pids}
	m.begin()
	r, err := crowd.Hold(ctx, s.Seconds)
	m.end()
	f := m.figures(r)
	f.Ops, f.TLS, f.Goroutines = int64(crowd.Live()), negotiated(settled), goroutines
	rssAfter, rssErr := proc.ReadRSS(of.Pids...)
	slabAfter, slabErr := proc.ReadSlab()
	threads, threadsErr := proc.ReadThreads(of.Pids...)
	f.Threads = threads
	f.RSSPerConn = float64(rssAfter-rss) / float64(opened)
	f.SlabPerConn = float64(slabAfter-slab) / float64(opened)
	return f, errors.Join(err, settled.Err(), settleErr, r.Err(), m.err, rssErr, slabErr, threadsErr, fewer(opened, s.Conns))
}
