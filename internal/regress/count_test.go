//go:build linux

package regress

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// cost is what something takes, for each of its messages or sessions: allocations, system calls on sockets, bytes of heap.
type cost struct{ allocs, reads, sends, heap float64 }

// check holds what was measured against the bound.
func (most cost) check(t *testing.T, what string, c cost) {
	t.Helper()
	t.Logf("%-8s %6.2f allocations %6.3f reads %6.3f sends %5.0f bytes", what, c.allocs, c.reads, c.sends, c.heap)
	for _, f := range []struct {
		name      string
		got, most float64
	}{{"allocations", c.allocs, most.allocs}, {"reads", c.reads, most.reads}, {"sends", c.sends, most.sends}, {"bytes of heap", c.heap, most.heap}} {
		if f.got > f.most {
			t.Errorf("%s: %.3f %s each, want at most %.3f", what, f.got, f.name, f.most)
		}
	}
}

// measure tells what do, which does a thing n times, takes for each. What asking takes is left out.
func (g *gateway) measure(n int, do func()) cost {
	g.t.Helper()
	first := g.counts()
	before, reads := g.counts(), g.reads()
	do()
	reads = g.reads() - reads
	after := g.counts()
	asked := before.mallocs - first.mallocs
	per := func(total int64) float64 { return float64(total) / float64(n) }
	return cost{allocs: per(after.mallocs - before.mallocs - asked), reads: per(reads), sends: per(after.sends - before.sends)}
}

// repeat measures a round of n messages, when it has run often enough that what is pooled is there.
func (g *gateway) repeat(rounds, n int, round func()) cost {
	g.t.Helper()
	for range (rounds + 9) / 10 {
		round()
	}
	return g.measure(rounds*n, func() {
		for range rounds {
			round()
		}
	})
}

// counts are totals since the start.
type counts struct{ mallocs, sends int64 }

func (g *gateway) counts() counts {
	g.t.Helper()
	text := g.ask("/metrics")
	return counts{g.number(text, `go_memstats_mallocs_total (\d+)`), g.number(text, `weir_loop_writes_total\{loop="0"\} (\d+)`)}
}

// live is how many bytes of heap a collection leaves.
func (g *gateway) live() int64 {
	g.t.Helper()
	for range 2 { // what is pooled goes with the second
		g.ask("/debug/pprof/heap?gc=1")
	}
	return g.number(g.ask("/debug/pprof/heap?gc=1&debug=1"), `# HeapAlloc = (\d+)`)
}

func (g *gateway) goroutines() int64 {
	g.t.Helper()
	return g.number(g.ask("/debug/pprof/goroutine?debug=1"), `goroutine profile: total (\d+)`)
}

// reads are the process's calls of read and its kin since the start. Sends to sockets are not in the kernel's count of
// writes, so those are the loop's own.
func (g *gateway) reads() int64 {
	g.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", g.pid))
	if err != nil {
		g.t.Fatal(err)
	}
	return g.number(string(b), `syscr: (\d+)`)
}

// wantMetric waits until a series has the value.
func (g *gateway) wantMetric(series string, want int64) {
	g.t.Helper()
	var got int64
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if got = g.number(g.ask("/metrics"), regexp.QuoteMeta(series)+` (\d+)`); got == want {
			return
		}
	}
	g.t.Fatalf("%s is %d, want %d", series, got, want)
}

func (g *gateway) number(text, pattern string) int64 {
	g.t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		g.t.Fatalf("there is no %q in %.2000s", pattern, text)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		g.t.Fatal(err)
	}
	return n
}

// asking keeps no connections, so that each question is as dear as the one before.
var asking = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}

func (g *gateway) ask(path string) string {
	g.t.Helper()
	answer, err := asking.Get("http://" + g.admin + path)
	if err != nil {
		g.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		g.t.Fatalf("%s: status %d, %v", path, answer.StatusCode, err)
	}
	return string(body)
}
