package observe

import (
	"bytes"
	"fmt"
	"strings"
)

// processHelp documents the metrics of the process and the Go runtime, which the library names and fills.
var processHelp = map[string]string{
	"process_cpu_seconds_system_total":       "processor time in the kernel",
	"process_cpu_seconds_total":              "processor time",
	"process_cpu_seconds_user_total":         "processor time outside the kernel",
	"process_io_read_bytes_total":            "bytes read by system calls",
	"process_io_read_syscalls_total":         "system calls that read",
	"process_io_storage_read_bytes_total":    "bytes read from storage",
	"process_io_storage_written_bytes_total": "bytes written to storage",
	"process_io_write_syscalls_total":        "system calls that wrote",
	"process_io_written_bytes_total":         "bytes written by system calls",
	"process_major_pagefaults_total":         "page faults that needed storage",
	"process_max_fds":                        "limit of open files",
	"process_minor_pagefaults_total":         "page faults that needed no storage",
	"process_num_threads":                    "threads",
	"process_open_fds":                       "open files",
	"process_resident_memory_anon_bytes":     "memory of the process's own",
	"process_resident_memory_bytes":          "resident memory",
	"process_resident_memory_file_bytes":     "memory that maps files",
	"process_resident_memory_peak_bytes":     "most resident memory so far",
	"process_resident_memory_shared_bytes":   "memory shared with other processes",
	"process_start_time_seconds":             "when the process began, in seconds of Unix time",
	"process_virtual_memory_bytes":           "virtual memory",
	"process_virtual_memory_peak_bytes":      "most virtual memory so far",
	"go_cgo_calls_count":                     "calls of C",
	"go_cpu_count":                           "processors",
	"go_gc_cpu_seconds_total":                "processor time of the garbage collector",
	"go_gc_duration_seconds":                 "pauses of the garbage collector, as quantiles",
	"go_gc_forced_count":                     "collections that the program asked for",
	"go_gc_mark_assist_cpu_seconds_total":    "processor time in which goroutines helped the garbage collector",
	"go_gc_pauses_seconds":                   "pauses of the garbage collector",
	"go_gomaxprocs":                          "processors that Go uses at once",
	"go_goroutines":                          "goroutines",
	"go_info":                                "always 1; the label tells the version of Go",
	"go_info_ext":                            "always 1; the labels tell how Go was built",
	"go_memlimit_bytes":                      "limit of memory (GOMEMLIMIT)",
	"go_memstats_alloc_bytes":                "bytes of objects on the heap",
	"go_memstats_alloc_bytes_total":          "bytes allocated on the heap",
	"go_memstats_buck_hash_sys_bytes":        "memory of profiles",
	"go_memstats_frees_total":                "objects freed",
	"go_memstats_gc_cpu_fraction":            "share of processor time that the garbage collector took",
	"go_memstats_gc_sys_bytes":               "memory of the garbage collector",
	"go_memstats_heap_alloc_bytes":           "bytes of objects on the heap",
	"go_memstats_heap_idle_bytes":            "memory of the heap that is not used",
	"go_memstats_heap_inuse_bytes":           "memory of the heap that is used",
	"go_memstats_heap_objects":               "objects on the heap",
	"go_memstats_heap_released_bytes":        "memory of the heap given back to the system",
	"go_memstats_heap_sys_bytes":             "memory of the heap",
	"go_memstats_last_gc_time_seconds":       "when the last collection ended, in seconds of Unix time",
	"go_memstats_lookups_total":              "always 0",
	"go_memstats_mallocs_total":              "objects allocated",
	"go_memstats_mcache_inuse_bytes":         "memory of mcache structures that is used",
	"go_memstats_mcache_sys_bytes":           "memory of mcache structures",
	"go_memstats_mspan_inuse_bytes":          "memory of mspan structures that is used",
	"go_memstats_mspan_sys_bytes":            "memory of mspan structures",
	"go_memstats_next_gc_bytes":              "size of the heap at which the next collection begins",
	"go_memstats_other_sys_bytes":            "other memory of the runtime",
	"go_memstats_stack_inuse_bytes":          "memory of stacks that is used",
	"go_memstats_stack_sys_bytes":            "memory of stacks",
	"go_memstats_sys_bytes":                  "memory got from the system",
	"go_mutex_wait_seconds_total":            "time that goroutines waited for a mutex",
	"go_sched_latencies_seconds":             "time that goroutines waited to run",
	"go_scavenge_cpu_seconds_total":          "processor time of giving memory back",
	"go_threads":                             "threads",
}

// processKinds are the types of those that their names do not tell; the rest are gauges, or counters if they end in _total.
var processKinds = map[string]kind{
	"go_gc_duration_seconds": "summary", "go_gc_pauses_seconds": histogram, "go_sched_latencies_seconds": histogram,
	"go_cgo_calls_count": counter, "go_gc_forced_count": counter,
}

// described puts # HELP and # TYPE before the first sample of each metric.
func described(text []byte) []byte {
	var out bytes.Buffer
	last := ""
	for line := range bytes.Lines(text) {
		name := string(line[:max(0, bytes.IndexAny(line, "{ "))])
		if base := histogramOf(name); base != "" {
			name = base
		}
		if name != last && name != "" && name != "#" {
			what := processKinds[name]
			switch {
			case what != "":
			case strings.HasSuffix(name, "_total"):
				what = counter
			default:
				what = gauge
			}
			fmt.Fprintf(&out, "# HELP %s %s\n# TYPE %[1]s %[3]s\n", name, processHelp[name], what)
			last = name
		}
		out.Write(line)
	}
	return out.Bytes()
}

// histogramOf is the histogram or summary that a series is a part of, "" for any other.
func histogramOf(series string) string {
	for _, part := range []string{"_bucket", "_sum", "_count"} {
		if name, ok := strings.CutSuffix(series, part); ok && processKinds[name] != "" {
			return name
		}
	}
	return ""
}
