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

// meter reads the processes' CPU time at the edges of a window. A busy machine lets it read late, so what was used is
// held against the time between the two readings.
type meter struct {
	pids []int
	load []int // the load's processes; none: this one
	at   [2]reading
	err  error
}

// reading is what was used until an instant.
type reading struct {
	when           time.Time
	measured, load proc.CPU
}

func (m *meter) window(s Scenario) load.Window {
	return load.Window{Warmup: s.Warmup, Duration: s.Seconds, Begin: m.begin, End: m.end}
}

func (m *meter) begin() {
	if len(m.load) == 0 {
		m.load = []int{os.Getpid()}
	}
	m.at[0], m.err = m.read()
}

func (m *meter) end() {
	var err error
	if m.at[1], err = m.read(); m.err == nil {
		m.err = err
	}
}

func (m *meter) read() (reading, error) {
	measured, err := proc.ReadCPU(m.pids...)
	when := time.Now()
	load, loadErr := proc.ReadCPU(m.load...)
	return reading{when, measured, load}, errors.Join(err, loadErr)
}

// used is the measured processes' CPU time between the readings.
func (m *meter) used() (user, system time.Duration) { return m.at[1].measured.Since(m.at[0].measured) }

// share is so much CPU time as a share of one processor, over the time between the readings.
func (m *meter) share(used time.Duration) float64 {
	between := m.at[1].when.Sub(m.at[0].when)
	if between <= 0 {
		return 0 // the window never began
	}
	return max(float64(used)/float64(between), 0) // a process may have ended meanwhile
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
	f.LoadCPU = m.share(m.at[1].load.Total - m.at[0].load.Total)
	f.PerSecond = float64(f.Ops) / f.Seconds
	if m.err != nil {
		return f
	}
	user, system := m.used()
	f.CPUShare = m.share(user + system)
	if f.Ops > 0 {
		f.UserMicros = m.share(user) * 1e6 / f.PerSecond
		f.SystemMicros = m.share(system) * 1e6 / f.PerSecond
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
