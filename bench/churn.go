//go:build linux

package bench

import (
	"context"
	"errors"
	"time"

	"weir/bench/load"
	"weir/bench/proc"
)

// measureChurn lets short lives follow one another, and looks at memory before, meanwhile, and when
// all have left and it has settled. An op is a life.
func measureChurn(ctx context.Context, s Scenario, target load.Target, of Subject) (Figures, error) {
	before, err := proc.ReadRSS(of.Pids...)
	if err != nil {
		return Figures{}, err
	}
	peak := watchPeak(of.Pids)
	m := meter{pids: of.Pids}
	r, err := load.Storm(ctx, load.Gale{
		Target: target, Concurrency: s.Conns, Resume: s.Resume, Messages: s.Messages, Size: s.Size, Window: m.window(s),
	})
	f := m.figures(r)
	f.RSSBefore, f.RSSPeak = float64(before), float64(max(before, peak()))
	if err = errors.Join(err, r.Err(), m.err); err != nil {
		return f, err
	}
	if of.Settle != nil {
		_, err = of.Settle(ctx)
	}
	select {
	case <-time.After(max(s.Warmup, s.Settle)):
	case <-ctx.Done():
		return f, ctx.Err()
	}
	after, rssErr := proc.ReadRSS(of.Pids...)
	f.RSSAfter = float64(after)
	return f, errors.Join(err, rssErr)
}

// watchPeak looks at the memory of pids now and then, until the function it returns is called, which
// tells the most that was seen.
func watchPeak(pids []int) (stop func() int64) {
	const every = 50 * time.Millisecond
	quit, most := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		var peak int64
		for {
			if now, err := proc.ReadRSS(pids...); err == nil {
				peak = max(peak, now)
			}
			select {
			case <-tick.C:
			case <-quit:
				most <- peak
				return
			}
		}
	}()
	return func() int64 {
		close(quit)
		return <-most
	}
}
