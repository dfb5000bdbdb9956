//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

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

	LoadBusy    float64 `json:"load_busy"`    // share of the window the load's busiest loop ran
	LoadStarved float64 `json:"load_starved"` // share it waited for a processor
	Saturated   bool    `json:"load_saturated"`
}

// Measure runs s against a target and accounts it to pids, which may be none. With an error the
// Figures hold what was seen before or despite it.
func Measure(ctx context.Context, s Scenario, target load.Target, pids []int) (Figures, error) {
	if err := checkFiles(s.Conns); err != nil {
		return Figures{}, err
	}
	switch s.Kind {
	case KindEcho:
		return measureEcho(ctx, s, target, pids)
	case KindIdle:
		return measureIdle(ctx, s, target, pids)
	case KindStorm:
		return measureStorm(ctx, s, target, pids)
	case KindSlow:
		return measureSlow(ctx, s, target, pids)
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
	r, err := load.Storm(ctx, load.Gale{Target: target, Concurrency: s.Conns, Window: m.window(s)})
	return m.figures(r), errors.Join(err, r.Err(), m.err)
}

func measureIdle(ctx context.Context, s Scenario, target load.Target, pids []int) (Figures, error) {
	rss, err := proc.ReadRSS(pids...)
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
	settled, err := crowd.Hold(ctx, s.Warmup)
	if err != nil {
		return Figures{}, errors.Join(err, settled.Err())
	}
	m := meter{pids: pids}
	m.begin()
	r, err := crowd.Hold(ctx, s.Seconds)
	m.end()
	f := m.figures(r)
	f.Ops = int64(crowd.Live())
	rssAfter, rssErr := proc.ReadRSS(pids...)
	slabAfter, slabErr := proc.ReadSlab()
	f.RSSPerConn = float64(rssAfter-rss) / float64(opened)
	f.SlabPerConn = float64(slabAfter-slab) / float64(opened)
	return f, errors.Join(err, settled.Err(), r.Err(), m.err, rssErr, slabErr, fewer(opened, s.Conns))
}

func fewer(opened, wanted int) error {
	if opened < wanted {
		return fmt.Errorf("only %d of %d connections could be opened", opened, wanted)
	}
	return nil
}

// meter reads the processes' CPU time at the edges of a window.
type meter struct {
	pids          []int
	before, after proc.CPU
	err           error
}

func (m *meter) window(s Scenario) load.Window {
	return load.Window{Warmup: s.Warmup, Duration: s.Seconds, Begin: m.begin, End: m.end}
}

func (m *meter) begin() { m.before, m.err = proc.ReadCPU(m.pids...) }

func (m *meter) end() {
	after, err := proc.ReadCPU(m.pids...)
	if m.after = after; m.err == nil {
		m.err = err
	}
}

func (m *meter) figures(r load.Result) Figures {
	f := Figures{
		Ops: r.Ops, Seconds: r.Elapsed.Seconds(),
		LoadBusy: r.Busy, LoadStarved: r.Starved, Saturated: r.Saturated(),
	}
	if r.Latency != nil && r.Latency.TotalCount() > 0 {
		f.P50, f.P90, f.P99, f.P999 = quantile(r, 50), quantile(r, 90), quantile(r, 99), quantile(r, 99.9)
		f.Max = float64(r.Latency.Max()) / 1e3
	}
	if f.Seconds == 0 || m.err != nil {
		return f
	}
	user, system := m.after.Since(m.before)
	f.PerSecond = float64(f.Ops) / f.Seconds
	f.CPUShare = (user + system).Seconds() / f.Seconds
	if f.Ops > 0 {
		f.UserMicros = micros(user) / float64(f.Ops)
		f.SystemMicros = micros(system) / float64(f.Ops)
		f.CPUMicros = f.UserMicros + f.SystemMicros
	}
	return f
}

func quantile(r load.Result, q float64) float64 { return float64(r.Latency.ValueAtQuantile(q)) / 1e3 }

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
