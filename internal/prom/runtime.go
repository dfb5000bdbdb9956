package prom

import (
	"math"
	"runtime"
	"runtime/metrics"
)

const (
	counter   = "counter"
	gauge     = "gauge"
	histogram = "histogram"
)

// goRow is a metric of Go's runtime, the sum of some of package runtime/metrics. Names are those that Prometheus' client for
// Go gives them, where it has them.
type goRow struct {
	name, kind, help string
	of               []string
}

var goRows = []goRow{
	{"go_goroutines", gauge, "goroutines", []string{"/sched/goroutines:goroutines"}},
	{"go_threads", gauge, "threads that Go has made", []string{"/sched/threads/total:threads"}},
	{"go_gomaxprocs", gauge, "processors that Go uses at once", []string{"/sched/gomaxprocs:threads"}},
	{"go_memlimit_bytes", gauge, "limit of memory (GOMEMLIMIT)", []string{"/gc/gomemlimit:bytes"}},
	{"go_sched_latencies_seconds", histogram, "time that goroutines waited to run", []string{"/sched/latencies:seconds"}},
	{"go_mutex_wait_seconds_total", counter, "time that goroutines waited for a mutex", []string{"/sync/mutex/wait/total:seconds"}},
	{"go_gc_pauses_seconds", histogram, "pauses of the garbage collector", []string{"/sched/pauses/total/gc:seconds"}},
	{"go_gc_cycles_total", counter, "garbage collections", []string{"/gc/cycles/total:gc-cycles"}},
	{"go_gc_cpu_seconds_total", counter, "processor time of the garbage collector", []string{"/cpu/classes/gc/total:cpu-seconds"}},
	{"go_gc_mark_assist_cpu_seconds_total", counter, "processor time in which goroutines helped the garbage collector", []string{"/cpu/classes/gc/mark/assist:cpu-seconds"}},
	{"go_scavenge_cpu_seconds_total", counter, "processor time of giving memory back", []string{"/cpu/classes/scavenge/total:cpu-seconds"}},
	{"go_memstats_alloc_bytes", gauge, "bytes of objects on the heap", []string{"/memory/classes/heap/objects:bytes"}},
	{"go_memstats_alloc_bytes_total", counter, "bytes allocated on the heap", []string{"/gc/heap/allocs:bytes"}},
	{"go_memstats_mallocs_total", counter, "objects allocated", []string{"/gc/heap/allocs:objects", "/gc/heap/tiny/allocs:objects"}},
	{"go_memstats_frees_total", counter, "objects freed", []string{"/gc/heap/frees:objects", "/gc/heap/tiny/allocs:objects"}},
	{"go_memstats_heap_objects", gauge, "objects on the heap", []string{"/gc/heap/objects:objects"}},
	{"go_memstats_heap_alloc_bytes", gauge, "bytes of objects on the heap", []string{"/memory/classes/heap/objects:bytes"}},
	{"go_memstats_heap_inuse_bytes", gauge, "memory of the heap that is used", []string{"/memory/classes/heap/objects:bytes", "/memory/classes/heap/unused:bytes"}},
	{"go_memstats_heap_idle_bytes", gauge, "memory of the heap that is not used", []string{"/memory/classes/heap/free:bytes", "/memory/classes/heap/released:bytes"}},
	{"go_memstats_heap_released_bytes", gauge, "memory of the heap given back to the system", []string{"/memory/classes/heap/released:bytes"}},
	{"go_memstats_heap_sys_bytes", gauge, "memory of the heap", []string{"/memory/classes/heap/objects:bytes", "/memory/classes/heap/unused:bytes",
		"/memory/classes/heap/free:bytes", "/memory/classes/heap/released:bytes"}},
	{"go_memstats_stack_inuse_bytes", gauge, "memory of stacks", []string{"/memory/classes/heap/stacks:bytes"}},
	{"go_memstats_next_gc_bytes", gauge, "size of the heap at which the next collection begins", []string{"/gc/heap/goal:bytes"}},
	{"go_memstats_sys_bytes", gauge, "memory got from the system", []string{"/memory/classes/total:bytes"}},
}

// runtimeBounds fold the runtime's fine buckets into some, from a microsecond up.
var runtimeBounds = []float64{1e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, .1, .25, .5, 1, 10}

func appendRuntime(dst []byte) []byte {
	var samples []metrics.Sample
	for _, row := range goRows {
		for _, name := range row.of {
			samples = append(samples, metrics.Sample{Name: name})
		}
	}
	metrics.Read(samples)
	dst = appendHead(dst, "go_info", gauge, "always 1; the label tells the version of Go")
	dst = appendSample(dst, `go_info{version="`+runtime.Version()+`"}`, 1)
	for _, row := range goRows {
		values := samples[:len(row.of)]
		samples = samples[len(row.of):]
		dst = appendHead(dst, row.name, row.kind, row.help)
		if row.kind == histogram {
			dst = appendFolded(dst, row.name, values[0].Value.Float64Histogram())
			continue
		}
		sum := 0.0
		for _, v := range values {
			switch v.Value.Kind() {
			case metrics.KindUint64:
				sum += float64(v.Value.Uint64())
			case metrics.KindFloat64:
				sum += v.Value.Float64()
			}
		}
		dst = appendSample(dst, row.name, sum)
	}
	return dst
}

// appendFolded folds a histogram of the runtime, whose sum is not known exactly: each value counts as the middle of its bucket.
func appendFolded(dst []byte, name string, h *metrics.Float64Histogram) []byte {
	counts, sum := make([]uint64, len(runtimeBounds)+1), 0.0
	at := 0
	for i, n := range h.Counts {
		low, high := h.Buckets[i], h.Buckets[i+1]
		for at < len(runtimeBounds) && high > runtimeBounds[at] {
			at++
		}
		counts[at] += n
		switch {
		case n == 0:
		case math.IsInf(low, -1):
			sum += float64(n) * high
		case math.IsInf(high, 1):
			sum += float64(n) * low
		default:
			sum += float64(n) * (low + high) / 2
		}
	}
	return appendHistogram(dst, name, runtimeBounds, counts, sum)
}
