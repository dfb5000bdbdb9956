package observe

import (
	"maps"
	"slices"
	"strconv"
	"sync/atomic"

	"weir/internal/prom"
	"weir/upstream"
)

// total is a number that each loop counts for itself.
func total[N int | int64 | uint64](of func(*LoopStats) N) source {
	return func(s *Scrape, out *exposition) { out.sample(max(0, float64(Sum(s.Loops, of)))) }
}

// byLoop tells each loop's number apart.
func byLoop[N int | uint64 | float64](of func(*LoopStats) N) source {
	return func(s *Scrape, out *exposition) {
		for i := range s.Loops {
			out.sample(float64(of(&s.Loops[i])), strconv.Itoa(i))
		}
	}
}

// value is a number of the whole gateway.
func value[N int | int64 | uint64](of func(*Scrape) N) source {
	return func(s *Scrape, out *exposition) { out.sample(float64(of(s))) }
}

// once is a counter of the whole gateway.
func once(of func(*Metrics) *atomic.Uint64) source {
	return func(s *Scrape, out *exposition) { out.sample(float64(of(s.Metrics).Load())) }
}

func durations(of func(*Metrics) *prom.Histogram) source {
	return func(s *Scrape, out *exposition) { out.timing(of(s.Metrics)) }
}

// each has a fixed list of values for its one label.
func each(of func(s *Scrape, sample func(label string, value uint64))) source {
	return func(s *Scrape, out *exposition) {
		of(s, func(label string, value uint64) { out.sample(float64(value), label) })
	}
}

// directions are those of bytes and frames.
func directions(up, down func(*LoopStats) uint64) source {
	return each(func(s *Scrape, sample func(string, uint64)) {
		sample("up", Sum(s.Loops, up))
		sample("down", Sum(s.Loops, down))
	})
}

// tallied is a counter by key, such as the reason: one series for each key that is known, and for any other that was counted.
func tallied[K comparable](known func(*Scrape) []K, of func(*Scrape) map[K]uint64, compare func(a, b K) int, labels func(K) []string) source {
	return func(s *Scrape, out *exposition) {
		counts := map[K]uint64{}
		for _, k := range known(s) {
			counts[k] = 0
		}
		maps.Copy(counts, of(s))
		for _, k := range slices.SortedFunc(maps.Keys(counts), compare) {
			out.sample(float64(counts[k]), labels(k)...)
		}
	}
}

// ofLoops adds up what the loops count by key.
func ofLoops[K comparable](of func(*LoopStats) map[K]uint64) func(*Scrape) map[K]uint64 {
	return func(s *Scrape) map[K]uint64 {
		all := map[K]uint64{}
		for i := range s.Loops {
			for k, n := range of(&s.Loops[i]) {
				all[k] += n
			}
		}
		return all
	}
}

// byEndpoint tells the backends of each fleet apart.
func byEndpoint[N int64 | uint64](of func(*upstream.Endpoint, upstream.EndpointStats) N) source {
	return func(s *Scrape, out *exposition) {
		s.Endpoints(func(route string, e *upstream.Endpoint) {
			out.sample(max(0, float64(of(e, e.Stats()))), e.Name, route)
		})
	}
}

func fromBool(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
