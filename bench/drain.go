//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"weir/bench/load"
	"weir/bench/peers"
)

// measureDrain has a crowd talk in the open loop and come back whenever connections end. If a second
// gateway can be started, all begin at the first, which is told to end when the window begins, and the
// window is over once all have come back. Else the window is only watched.
//
// Processes that are told to end are not accounted. Clients whose connections simply live on are no fault.
func measureDrain(ctx context.Context, s Scenario, target load.Target, of Subject) (Figures, error) {
	others := of.Others
	if of.Second != nil {
		second, stop, err := of.Second(ctx)
		if err != nil {
			return Figures{}, fmt.Errorf("second gateway: %w", err)
		}
		defer stop()
		second.Path = target.Path
		others = append(others[:len(others):len(others)], second)
	}
	crowd, err := load.Open(ctx, load.Config{Target: target, Others: others, Conns: s.Conns, Ramp: s.Ramp, Threads: s.Threads})
	if err != nil {
		return Figures{}, err
	}
	defer crowd.Close()
	opened := crowd.Live()
	m := meter{}
	if of.Second == nil {
		m.pids = of.Pids
	}
	window := m.window(s)
	var told error
	if of.Second != nil {
		window.Begin = func() {
			m.begin()
			told = terminate(of.Pids)
		}
	}
	r, err := crowd.Rejoin(ctx, load.Rejoin{
		Size: s.Size, Rate: s.Rate, Jitter: s.Jitter, Once: of.Second != nil, Window: window,
	})
	f := m.figures(r.Result)
	f.Returns, f.Back, f.Codes = r.Returns, r.Back(), r.Codes
	f.BackIn, f.Gap = r.Span.Seconds(), r.Longest.Seconds()
	f.Unechoed, f.Refusals = r.Unechoed, r.Refusals
	if of.Second != nil && err == nil && r.Moved < opened {
		err = fmt.Errorf("%d of %d clients came to the second gateway within %s", r.Moved, opened, s.Seconds.Round(time.Millisecond))
	}
	return f, errors.Join(err, told, m.err, r.Err(), fewer(opened, s.Conns))
}

// second is a Subject's Second: one more process of a peer at the same place, but for its ports.
func second(peer peers.Peer, at peers.Place) func(context.Context) (load.Target, func(), error) {
	return func(ctx context.Context) (load.Target, func(), error) {
		p, err := peers.Start(ctx, peer, at)
		if err != nil {
			return load.Target{}, nil, err
		}
		return p.Target(), p.Stop, nil
	}
}

// terminate asks processes to end, as an operator would.
func terminate(pids []int) error {
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			return fmt.Errorf("process %d: SIGTERM: %w", pid, err)
		}
	}
	return nil
}
