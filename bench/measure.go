//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"

	"weir/bench/load"
	"weir/bench/proc"
)

// Figures is what one measurement found. Fields that a scenario does not measure are 0.
type Figures struct {
	Ops       int64   `json:"ops"` // round trips or handshakes in the window
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"per_second"`

	// Of the measured processes; microseconds of CPU for each op.
	UserMicros   float64 `json:"user_us_per_op"`
	SystemMicros float64 `json:"system_us_per_op"`
	CPUMicros    float64 `json:"cpu_us_per_op"`
	CPUShare     float64 `json:"cpu_share"`             // of one processor, over the window
	CPUBytes     float64 `json:"bytes_per_cpu_second"`  // payload, one way
	RSSPerConn   float64 `json:"rss_bytes_per_conn"`    // growth of resident memory
	SlabPerConn  float64 `json:"slab_bytes_per_client"` // growth of the machine's slab: load, gateway and backend together
	Threads      int     `json:"threads,omitempty"`     // of the idle scenario
	Goroutines   int     `json:"goroutines,omitempty"`  // of the idle scenario, where a Subject knows

	// Microseconds.
	P50  float64 `json:"p50_us"`
	P90  float64 `json:"p90_us"`
	P99  float64 `json:"p99_us"`
	P999 float64 `json:"p999_us"`
	Max  float64 `json:"max_us"`

	// Of the slow scenario.
	P99Alone  float64 `json:"p99_alone_us,omitempty"`     // before the slow client came
	P99Change float64 `json:"p99_change,omitempty"`       // P99 to P99Alone
	RSSGrowth float64 `json:"rss_growth_bytes,omitempty"` // since it came
	SlowTaken float64 `json:"slow_taken_bytes,omitempty"` // what it could send, sockets' buffers included

	TLS string `json:"tls_session,omitempty"` // what was negotiated

	LoadBusy    float64 `json:"load_busy"`    // share of the window the load's busiest loop ran
	LoadStarved float64 `json:"load_starved"` // share it waited for a processor
	Saturated   bool    `json:"load_saturated"`
}

// Subject is what a measurement is accounted to.
type Subject struct {
	Pids []int // may be none
	// Settle has it collect its garbage and counts its goroutines; nil if neither is known.
	Settle func(context.Context) (goroutines int, err error)
}

// Measure runs s against a target and accounts it to a subject. With an error the Figures hold what
// was seen before or despite it.
func Measure(ctx context.Context, s Scenario, target load.Target, of Subject) (Figures, error) {
	if err := checkFiles(s.Conns); err != nil {
		return Figures{}, err
	}
	switch s.Kind {
	case KindEcho:
		return measureEcho(ctx, s, target, of.Pids)
	case KindIdle:
		return measureIdle(ctx, s, target, of)
	case KindStorm:
		return measureStorm(ctx, s, target, of.Pids)
	case KindSlow:
		return measureSlow(ctx, s, target, of.Pids)
	}
	return Figures{}, fmt.Errorf("no kind of scenario %q", s.Kind)
}

func checkFiles(conns int) error {
	limit, err := proc.RaiseFileLimit()
	if err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	const spare = 64
	if need := uint64(conns) + spare; need > limit {
		return fmt.Errorf("%d connections need %d descriptors, the limit of open files is %d (ulimit -Hn)", conns, need, limit)
	}
	return nil
}

func measureEcho(ctx context.Context, s Scenario, target load.Target, pids []int) (Figures, error) {
	crowd, err := load.Open(ctx, load.Config{Target: target, Conns: s.Conns, Ramp: s.Ramp, Threads: s.Threads})
	if err != nil {
		return Figures{}, err
	}
	defer crowd.Close()
	opened := crowd.Live()
	m := meter{pids: pids}
	r, err := crowd.Echo(ctx, load.Talk{Active: s.Active, Size: s.Size, Rate: s.Rate, Window: m.window(s)})
	f := m.figures(r)
	if cpu := f.CPUMicros * float64(f.Ops) / 1e6; cpu > 0 {
		f.CPUBytes = float64(f.Ops) * float64(s.Size) / cpu
	}
	return f, errors.Join(err, r.Err(), m.err, fewer(opened, s.Conns))
}

func measureStorm(ctx context.Context, s Scenario, target load.Target, pids []int) (Figures, error) {
	m := meter{pids: pids}
	r, err := load.Storm(ctx, load.Gale{Target: target, Concurrency: s.Conns, Resume: s.Resume, Window: m.window(s)})
	return m.figures(r), errors.Join(err, r.Err(), m.err)
}

func fewer(opened, wanted int) error {
	if opened < wanted {
		return fmt.Errorf("only %d of %d connections could be opened", opened, wanted)
	}
	return nil
}
