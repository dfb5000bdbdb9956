//go:build linux

package bench

import (
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"weir/bench/load"
	"weir/bench/proc"
)

// meter reads the processes' CPU time at the edges of a window.
type meter struct {
	pids          []int
	load          []int // the load's processes; none: this one
	before, after proc.CPU
	own           [2]proc.CPU // of the load
	err           error
}

func (m *meter) window(s Scenario) load.Window {
	return load.Window{Warmup: s.Warmup, Duration: s.Seconds, Begin: m.begin, End: m.end}
}

func (m *meter) begin() {
	before, err := proc.ReadCPU(m.pids...)
	if len(m.load) == 0 {
		m.load = []int{os.Getpid()}
	}
	own, ownErr := proc.ReadCPU(m.load...)
	m.before, m.own[0], m.err = before, own, errors.Join(err, ownErr)
}

func (m *meter) end() {
	after, err := proc.ReadCPU(m.pids...)
	own, ownErr := proc.ReadCPU(m.load...)
	if m.after, m.own[1] = after, own; m.err == nil {
		m.err = errors.Join(err, ownErr)
	}
}

func (m *meter) figures(r load.Result) Figures {
	f := Figures{
		Ops: r.Ops, Seconds: r.Elapsed.Seconds(), TLS: negotiated(r),
		LoadBusy: r.Busy, LoadStarved: r.Starved, Saturated: r.Saturated(),
	}
	if r.Latency != nil && r.Latency.TotalCount() > 0 {
		f.P50, f.P90, f.P99, f.P999 = quantile(r.Latency, 50), quantile(r.Latency, 90), quantile(r.Latency, 99), quantile(r.Latency, 99.9)
		f.Max = float64(r.Latency.Max()) / 1e3
	}
	if f.Seconds == 0 {
		return f
	}
	f.LoadCPU = max((m.own[1].Total-m.own[0].Total).Seconds()/f.Seconds, 0) // none that ended meanwhile
	f.PerSecond = float64(f.Ops) / f.Seconds
	if m.err != nil {
		return f
	}
	user, system := m.after.Since(m.before)
	f.CPUShare = (user + system).Seconds() / f.Seconds
	if f.Ops > 0 {
		f.UserMicros = micros(user) / float64(f.Ops)
		f.SystemMicros = micros(system) / float64(f.Ops)
		f.CPUMicros = f.UserMicros + f.SystemMicros
	}
	return f
}

// quantile is in microseconds.
func quantile(h *hdrhistogram.Histogram, q float64) float64 {
	return float64(h.ValueAtQuantile(q)) / 1e3
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// negotiated says what TLS sessions a crowd had, several joined; empty without TLS.
func negotiated(r load.Result) string {
	var kinds []string
	for session := range r.Sessions {
		kinds = append(kinds, session.String())
	}
	slices.Sort(kinds)
	return strings.Join(kinds, " and ")
}
