package gateway

import (
	"maps"
	"slices"
	"strconv"
	"sync/atomic"

	"weir/internal/prom"
	"weir/upstream"
)

// total is a number that each loop counts for itself.
func total[N int | int64 | uint64](of func(*loopStats) N) source {
	return func(s *scrape, out *exposition) { out.sample(max(0, float64(sum(s.loops, of)))) }
}

// byLoop tells each loop's number apart.
func byLoop[N int | uint64 | float64](of func(*loopStats) N) source {
	return func(s *scrape, out *exposition) {
		for i := range s.loops {
			out.sample(float64(of(&s.loops[i])), strconv.Itoa(i))
		}
	}
}

// value is a number of the whole gateway.
func value[N int | int64 | uint64](of func(*scrape) N) source {
	return func(s *scrape, out *exposition) { out.sample(float64(of(s))) }
}

// once is a counter of the whole gateway.
func once(of func(*meters) *atomic.Uint64) source {
	return func(s *scrape, out *exposition) { out.sample(float64(of(s.metrics).Load())) }
}

func durations(of func(*meters) *prom.Histogram) source {
	return func(s *scrape, out *exposition) { out.timing(of(s.metrics)) }
}

// each has a fixed list of values for its one label.
func each(of func(s *scrape, sample func(label string, value uint64))) source {
	return func(s *scrape, out *exposition) {
		of(s, func(label string, value uint64) { out.sample(float64(value), label) })
	}
}

// directions are those of bytes and frames.
func directions(up, down func(*loopStats) uint64) source {
	return each(func(s *scrape, sample func(string, uint64)) {
		sample("up", sum(s.loops, up))
		sample("down", sum(s.loops, down))
	})
}

// tallied is a counter by key, such as the reason: one series for each key that is known, and for any other that was counted.
func tallied[K comparable](known func(*scrape) []K, of func(*scrape) map[K]uint64, compare func(a, b K) int, labels func(K) []string) source {
	return func(s *scrape, out *exposition) {
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
func ofLoops[K comparable](of func(*loopStats) map[K]uint64) func(*scrape) map[K]uint64 {
	return func(s *scrape) map[K]uint64 {
		all := map[K]uint64{}
		for i := range s.loops {
			for k, n := range of(&s.loops[i]) {
				all[k] += n
			}
		}
		return all
	}
}

// byEndpoint tells the backends of each fleet apart.
func byEndpoint[N int64 | uint64](of func(*upstream.Endpoint, upstream.EndpointStats) N) source {
	return func(s *scrape, out *exposition) {
		s.endpoints(func(route string, e *upstream.Endpoint) {
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
