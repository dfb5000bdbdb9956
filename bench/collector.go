//go:build linux

package bench

import (
	"slices"
	"strconv"
	"strings"
	"sync"
)

// collector hears of each cycle of a Go program's garbage collector, by the lines of GODEBUG=gctrace=1 (package runtime).
// The histogram that the runtime counts pauses in is too coarse to tell 0.8 from 1.3 ms. Any goroutine may call it.
type collector struct {
	mu     sync.Mutex
	pauses []float64 // microseconds, of the two stops of each cycle
}

// traceCollector makes a Go program say those lines.
const traceCollector = "GODEBUG=gctrace=1"

// take takes a line such as "gc 2 @3.246s 0%: 0.39+14+0.008 ms clock, ..."; the first and the third of the three stop the world.
func (c *collector) take(line []byte) bool {
	head, rest, ok := strings.Cut(string(line), "%: ")
	clock, _, timed := strings.Cut(rest, " ms clock")
	phases := strings.Split(clock, "+")
	if !ok || !timed || len(phases) != 3 || !strings.HasPrefix(head, "gc ") {
		return false
	}
	first, err1 := strconv.ParseFloat(phases[0], 64)
	second, err2 := strconv.ParseFloat(phases[2], 64)
	if err1 != nil || err2 != nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pauses = append(c.pauses, first*1e3, second*1e3)
	return true
}

// seen is how many pauses there were so far.
func (c *collector) seen() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.pauses)
}

// longest is the longest pause behind the first n, in microseconds; 0: there was none.
func (c *collector) longest(n int) float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Max(append([]float64{0}, c.pauses[n:]...))
}
