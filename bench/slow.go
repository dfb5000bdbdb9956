//go:build linux

package bench

import (
	"context"
	"errors"

	"weir/bench/load"
	"weir/bench/proc"
)

// measureSlow lets a crowd talk twice, the second time beside clients that send and read nothing, or
// little. Its figures are the crowd's of the second time, when the slow ones' buffers are full. A process
// that is still cold is slower than any slow client makes it, so the first time warms up for as long as both take.
func measureSlow(ctx context.Context, s Scenario, target load.Target, pids []int) (Figures, error) {
	crowd, err := load.Open(ctx, load.Config{Target: target, Conns: s.Conns, Ramp: s.Ramp, Threads: s.Threads})
	if err != nil {
		return Figures{}, err
	}
	defer crowd.Close()
	opened := crowd.Live()
	alone, err := crowd.Echo(ctx, load.Talk{Size: s.Size, Window: load.Window{Warmup: s.Warmup + s.Seconds, Duration: s.Seconds}})
	if err = errors.Join(err, alone.Err()); err != nil {
		return Figures{}, err
	}
	rss, err := proc.ReadRSS(pids...)
	if err != nil {
		return Figures{}, err
	}
	slow, err := target.Slow(ctx, load.Sloth{Conns: s.Slow, Size: s.Size, Read: s.SlowRead})
	if err != nil {
		return Figures{}, err
	}
	defer slow.Close()
	m := meter{pids: pids}
	r, err := crowd.Echo(ctx, load.Talk{Size: s.Size, Window: m.window(s)})
	rssAfter, rssErr := proc.ReadRSS(pids...)
	f := m.figures(r)
	f.TLS = negotiated(alone)
	if f.P99Alone = quantile(alone.Latency, 99); f.P99Alone > 0 {
		f.P99Change = f.P99 / f.P99Alone
	}
	f.RSSGrowth = float64(rssAfter - rss)
	f.SlowTaken = float64(slow.Taken())
	return f, errors.Join(err, r.Err(), m.err, rssErr, fewer(opened, s.Conns))
}
