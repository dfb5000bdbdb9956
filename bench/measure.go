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
	Ops       int64   `json:"ops"` // round trips, handshakes, requests, deliveries or lives in the window; idle: connections held
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
	P99Alone  float64 `json:"p99_alone_us,omitempty"`     // before the slow clients came
	P99Change float64 `json:"p99_change,omitempty"`       // P99 to P99Alone
	RSSGrowth float64 `json:"rss_growth_bytes,omitempty"` // since they came
	SlowTaken float64 `json:"slow_taken_bytes,omitempty"` // what they could send, sockets' buffers included

	// Of the hellos scenario, whose P99Change is P99 to P99Busy.
	P99Busy  float64 `json:"p99_busy_us,omitempty"`       // beside busy goroutines
	Hellos   float64 `json:"hellos_per_second,omitempty"` // that were answered
	Newcomer float64 `json:"newcomer_max_us,omitempty"`   // the longest TLS handshake from another address

	// Of the idle scenario with pings.
	Pongs int64 `json:"pongs,omitempty"`

	// Of the fanout scenario, whose P50 and so on are those of each delivery.
	Published float64 `json:"published_per_second,omitempty"` // messages that reached everybody
	LastP50   float64 `json:"last_p50_us,omitempty"`          // until a message had reached its last client
	LastP99   float64 `json:"last_p99_us,omitempty"`
	LastP999  float64 `json:"last_p999_us,omitempty"`

	// Of the churn scenario: resident memory in bytes.
	RSSBefore float64 `json:"rss_before_bytes,omitempty"`
	RSSPeak   float64 `json:"rss_peak_bytes,omitempty"`
	RSSAfter  float64 `json:"rss_after_bytes,omitempty"` // when all had left and it had settled

	// Of the drain scenario, whose P50 and so on count from when a message was due, also while its
	// client had no connection.
	Returns  []int       `json:"returns_per_100ms,omitempty"`
	Back     int         `json:"returns,omitempty"`             // of clients
	BackIn   float64     `json:"back_in_seconds,omitempty"`     // from the first loss to the last return
	Gap      float64     `json:"longest_gap_seconds,omitempty"` // that a client had no connection
	Unechoed int64       `json:"unechoed,omitempty"`            // messages sent on a connection that ended before their echo
	Refusals int64       `json:"refusals,omitempty"`            // attempts to come back in vain
	Codes    map[int]int `json:"close_codes,omitempty"`         // that connections ended with, 1006 for no close frame

	TLS string `json:"tls_session,omitempty"` // what was negotiated

	LoadCPU     float64 `json:"load_cpu"`     // of one processor, the load's whole process
	LoadBusy    float64 `json:"load_busy"`    // share of the window the load's busiest loop ran
	LoadStarved float64 `json:"load_starved"` // share it waited for a processor
	Saturated   bool    `json:"load_saturated"`
}

// Subject is what a measurement is accounted to.
type Subject struct {
	Pids []int // may be none
	// Settle has it collect its garbage and counts its goroutines; nil if neither is known.
	Settle func(context.Context) (goroutines int, err error)
	// Second starts another of the same kind before the same backend, for drain: then the Pids are
	// told to end (SIGTERM) when the window begins. With nil, drain only watches.
	Second func(context.Context) (at load.Target, stop func(), err error)
	// Others are more gateways where clients of drain may come back to.
	Others []load.Target
}

// Measure runs s against a target and accounts it to a subject. With an error the Figures hold what
// was seen before or despite it.
func Measure(ctx context.Context, s Scenario, target load.Target, of Subject) (Figures, error) {
	s.Seconds = max(s.Seconds, s.Least)
	if s.Path != "" {
		target.Path = s.Path
	}
	if s.Processes > 1 {
		return measureIdle(ctx, s, target, of) // whose processes have descriptors and ports of their own
	}
	if err := target.CheckPorts(s.Conns + s.Slow + s.Hellos); err != nil {
		return Figures{}, err
	}
	if err := checkFiles(s.Conns + s.Slow + s.Hellos); err != nil {
		return Figures{}, err
	}
	switch s.Kind {
	case KindEcho:
		return measureEcho(ctx, s, target, of.Pids)
	case KindIdle:
		return measureIdle(ctx, s, target, of)
	case KindStorm:
		return measureStorm(ctx, s, target, of.Pids)
	case KindHTTP:
		return measureHTTP(ctx, s, target, of.Pids)
	case KindSlow:
		return measureSlow(ctx, s, target, of.Pids)
	case KindHellos:
		return measureHellos(ctx, s, target, of.Pids)
	case KindFanout:
		return measureFanout(ctx, s, target, of.Pids)
	case KindChurn:
		return measureChurn(ctx, s, target, of)
	case KindDrain:
		return measureDrain(ctx, s, target, of)
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

func measureHTTP(ctx context.Context, s Scenario, target load.Target, pids []int) (Figures, error) {
	m := meter{pids: pids}
	r, err := load.Request(ctx, load.Requests{Target: target, Conns: s.Conns, Window: m.window(s)})
	return m.figures(r), errors.Join(err, r.Err(), m.err)
}

func fewer(opened, wanted int) error {
	if opened < wanted {
		return fmt.Errorf("only %d of %d connections could be opened", opened, wanted)
	}
	return nil
}
