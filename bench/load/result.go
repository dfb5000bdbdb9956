//go:build linux

package load

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Fault is why a connection or a message failed.
type Fault string

const (
	FaultConnect  Fault = "connect failed"
	FaultTLS      Fault = "TLS handshake failed"
	FaultFull     Fault = "TLS session not resumed"
	FaultUpgrade  Fault = "upgrade failed"
	FaultTimeout  Fault = "handshake timed out"
	FaultClosed   Fault = "connection lost"
	FaultMismatch Fault = "wrong echo"
	FaultLost     Fault = "echo missing"
	FaultMissed   Fault = "delivery missing" // of a fan-out
	FaultPong     Fault = "pong missing"
	FaultAway     Fault = "not back" // a client that did not come back
	FaultAnswer   Fault = "wrong answer"
)

// Result is what a crowd saw.
type Result struct {
	Ops     int64         // round trips, or handshakes, that ended in the window
	Elapsed time.Duration // the window's true length
	Latency *hdrhistogram.Histogram
	Faults  map[Fault]int
	First   string  // the first failure in words
	Busy    float64 // share of the window the busiest loop ran, without the goroutines of TLS handshakes
	Starved float64 // share it was ready but waited for a processor

	Pongs int64 // answers to the clients' own pings

	Sessions map[Session]int // of TLS, how many were like that
}

// Saturated reports that the load generator, not the target, may have set the pace.
func (r *Result) Saturated() bool { return r.Busy+r.Starved > 0.95 }

// Err sums the failures up in one line, or is nil.
func (r *Result) Err() error {
	if len(r.Faults) == 0 {
		return nil
	}
	var parts []string
	for _, f := range slices.Sorted(maps.Keys(r.Faults)) {
		parts = append(parts, fmt.Sprintf("%s: %d", f, r.Faults[f]))
	}
	return fmt.Errorf("%s (first: %s)", strings.Join(parts, ", "), r.First)
}

// tally is one loop's part of a Result.
type tally struct {
	ops, pongs    int64
	latency       *hdrhistogram.Histogram // nanoseconds
	faults        map[Fault]int
	first         string
	busy, starved float64
	sessions      map[Session]int
}

func newTally() tally {
	return tally{
		latency: hdrhistogram.New(int64(time.Microsecond), int64(time.Minute), 3),
		faults:  map[Fault]int{}, sessions: map[Session]int{},
	}
}

func (t *tally) fault(f Fault, cause error) {
	if t.faults[f]++; t.first == "" {
		t.first = string(f)
		if cause != nil {
			t.first = cause.Error()
		}
	}
}

// record counts an op that took d nanoseconds.
func (t *tally) record(d int64) {
	t.latency.RecordValue(min(max(d, t.latency.LowestTrackableValue()), t.latency.HighestTrackableValue()))
}

func (r *Result) add(t *tally) {
	r.Ops += t.ops
	r.Pongs += t.pongs
	r.Latency.Merge(t.latency)
	for f, n := range t.faults {
		r.Faults[f] += n
	}
	for s, n := range t.sessions {
		r.Sessions[s] += n
	}
	if r.First == "" {
		r.First = t.first
	}
	r.Busy, r.Starved = max(r.Busy, t.busy), max(r.Starved, t.starved)
}
