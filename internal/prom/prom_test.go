package prom_test

import (
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"weir/internal/prom"
)

func TestHistogram(t *testing.T) {
	h := prom.NewHistogram([]float64{.001, .5, 10})
	for _, v := range []float64{0, .001, .002, .5, 3, 11, 12} {
		h.Update(v)
	}
	want := `x_bucket{le="0.001"} 2
x_bucket{le="0.5"} 4
x_bucket{le="10"} 5
x_bucket{le="+Inf"} 7
x_sum 26.503
x_count 7
`
	if got := string(h.Append(nil, "x")); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

var sample = regexp.MustCompile(`^([a-z_]+)(\{[a-z]+="[^"]+"\})? (\S+)$`)

// TestProcess: each metric has its help and type before its samples, and values that can be.
func TestProcess(t *testing.T) {
	runtime.GC()
	values, last := map[string]float64{}, ""
	for line := range strings.Lines(string(prom.AppendProcess(nil))) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
			last, _, _ = strings.Cut(name, " ")
			continue
		}
		if strings.HasPrefix(line, "# HELP ") {
			if len(strings.Fields(line)) < 4 {
				t.Errorf("no help: %s", line)
			}
			continue
		}
		m := sample.FindStringSubmatch(line)
		if m == nil || last == "" || !strings.HasPrefix(m[1], last) {
			t.Errorf("behind the type of %s: %q", last, line)
			continue
		}
		v, err := strconv.ParseFloat(m[3], 64)
		if err != nil || v < 0 {
			t.Errorf("%s: %v", line, err)
		}
		values[m[1]+m[2]] = v
	}
	list, err := os.ReadDir("/proc/self/fd")
	if err == nil && (values["process_open_fds"] < 3 || values["process_open_fds"] > float64(len(list)+3)) {
		t.Errorf("%v open files, %d listed", values["process_open_fds"], len(list))
	}
	for _, name := range []string{"process_cpu_seconds_total", "process_max_fds", "process_start_time_seconds", "go_goroutines", "go_threads",
		"go_memstats_alloc_bytes", "go_memstats_heap_sys_bytes", "go_gc_cycles_total", "go_gc_pauses_seconds_count", `go_gc_pauses_seconds_bucket{le="+Inf"}`} {
		if values[name] <= 0 {
			t.Errorf("%s is %v", name, values[name])
		}
	}
	if runtime.GOOS == "linux" && values["process_resident_memory_bytes"] < 1<<20 {
		t.Errorf("%v bytes resident", values["process_resident_memory_bytes"])
	}
	if n := values[`go_gc_pauses_seconds_count`]; n != values[`go_gc_pauses_seconds_bucket{le="+Inf"}`] {
		t.Errorf("%v pauses", n)
	}
}
