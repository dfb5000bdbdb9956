//go:build linux

package bench

import (
	"context"
	"errors"

	"weir/bench/load"
)

// measureFanout has one client of a crowd speak to all others. An op is a delivery.
func measureFanout(ctx context.Context, s Scenario, target load.Target, pids []int) (Figures, error) {
	crowd, err := load.Open(ctx, load.Config{Target: target, Conns: s.Conns, Ramp: s.Ramp})
	if err != nil {
		return Figures{}, err
	}
	defer crowd.Close()
	opened := crowd.Live()
	m := meter{pids: pids}
	r, err := crowd.Fanout(ctx, load.Fanout{Size: s.Size, Rate: s.Rate, Window: m.window(s)})
	f := m.figures(r.Result)
	if f.Seconds > 0 {
		f.Published = float64(r.Messages) / f.Seconds
	}
	if r.Messages > 0 {
		f.LastP50, f.LastP99, f.LastP999 = quantile(r.Last, 50), quantile(r.Last, 99), quantile(r.Last, 99.9)
	}
	return f, errors.Join(err, r.Err(), m.err, fewer(opened, s.Conns))
}
