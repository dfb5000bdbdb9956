//go:build linux

package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"weir/bench"
	"weir/bench/load"
)

// printFigures tells what was found, for machines with the fault that cut it short.
func printFigures(s bench.Scenario, f bench.Figures, asJSON bool, fault error) error {
	if !asJSON {
		printText(os.Stdout, s, f)
		return nil
	}
	out := struct {
		bench.Scenario
		bench.Figures
		Err string `json:"error,omitempty"`
	}{Scenario: s, Figures: f}
	if fault != nil {
		out.Err = fault.Error()
	}
	return writeJSON("-", out)
}

func printText(w io.Writer, s bench.Scenario, f bench.Figures) {
	if s.Kind == bench.KindIdle {
		printIdle(w, s, f)
	} else {
		printTalk(w, s, f)
	}
	fmt.Fprintf(w, "load     %.0f %% of a processor; its busiest loop ran %.0f %% of the time and waited for a processor %.0f %%\n",
		100*f.LoadCPU, 100*f.LoadBusy, 100*f.LoadStarved)
	if f.TLS != "" {
		fmt.Fprintf(w, "TLS      %s\n", f.TLS)
	}
}

func printIdle(w io.Writer, s bench.Scenario, f bench.Figures) {
	fmt.Fprintf(w, "%d connections held for %.1f s\n", f.Ops, f.Seconds)
	fmt.Fprintf(w, "memory   %.0f bytes a client (slab of all processes: %.0f)\n", f.RSSPerConn, f.SlabPerConn)
	fmt.Fprintf(w, "CPU      %.2f %% of one processor\n", 100*f.CPUShare)
	if s.Ping > 0 {
		fmt.Fprintf(w, "pings    %d answered\n", f.Pongs)
	}
}

func printTalk(w io.Writer, s bench.Scenario, f bench.Figures) {
	what := map[bench.Kind]string{
		bench.KindStorm: "handshakes", bench.KindHTTP: "requests", bench.KindFanout: "deliveries", bench.KindChurn: "lives",
	}[s.Kind]
	if what == "" {
		what = "round trips"
	}
	fmt.Fprintf(w, "%d %s in %.1f s, %.0f a second\n", f.Ops, what, f.Seconds, f.PerSecond)
	fmt.Fprintf(w, "latency  p50 %.0f  p90 %.0f  p99 %.0f  p99.9 %.0f  max %.0f us\n", f.P50, f.P90, f.P99, f.P999, f.Max)
	switch s.Kind {
	case bench.KindSlow:
		fmt.Fprintf(w, "before   p99 %.0f us, without the slow clients\n", f.P99Alone)
		fmt.Fprintf(w, "memory   %+.0f bytes since they came; %.0f were taken from them\n", f.RSSGrowth, f.SlowTaken)
	case bench.KindHellos:
		fmt.Fprintf(w, "p99      %.0f us alone, %.0f us beside busy goroutines, %.0f us beside %.0f hellos a second: %.2f times the second\n",
			f.P99Alone, f.P99Busy, f.P99, f.Hellos, f.P99Change)
		fmt.Fprintf(w, "newcomer %.0f us for a TLS handshake from another address, at most\n", f.Newcomer)
	case bench.KindFanout:
		fmt.Fprintf(w, "last     p50 %.0f  p99 %.0f  p99.9 %.0f us, until a message had reached its last client\n", f.LastP50, f.LastP99, f.LastP999)
		fmt.Fprintf(w, "sent     %.1f messages a second reached everybody\n", f.Published)
	case bench.KindChurn:
		fmt.Fprintf(w, "memory   %.0f bytes before, %.0f at the peak, %.0f after\n", f.RSSBefore, f.RSSPeak, f.RSSAfter)
	case bench.KindDrain:
		printReturns(w, f)
	}
	if f.CPUShare > 0 {
		fmt.Fprintf(w, "CPU      %.2f us each (user %.2f, system %.2f) of the measured processes\n", f.CPUMicros, f.UserMicros, f.SystemMicros)
	}
}

// printReturns draws the curve of those who came back, from the first step that had one to the last.
func printReturns(w io.Writer, f bench.Figures) {
	var codes []string
	for _, code := range slices.Sorted(maps.Keys(f.Codes)) {
		name := fmt.Sprint(code)
		if code == load.CodeAbnormal {
			name += " (no close frame)"
		}
		codes = append(codes, fmt.Sprintf("%s: %d", name, f.Codes[code]))
	}
	if len(codes) == 0 {
		fmt.Fprintln(w, "ends     none")
		return
	}
	fmt.Fprintf(w, "ends     by close code: %s\n", strings.Join(codes, ", "))
	fmt.Fprintf(w, "returns  %d, the last %.2f s after the first end; %d attempts in vain; longest gap %.2f s\n", f.Back, f.BackIn, f.Refusals, f.Gap)
	fmt.Fprintf(w, "lost     %d messages, whose connection ended before their echo\n", f.Unechoed)
	const width = 50
	most := slices.Max(f.Returns)
	first := slices.IndexFunc(f.Returns, func(n int) bool { return n > 0 })
	for i, blank := first, 0; i >= 0 && i < len(f.Returns); i++ {
		n := f.Returns[i]
		if n == 0 {
			blank++ // a run of nought is a blank line, if anything follows
			continue
		}
		if blank > 0 {
			fmt.Fprintln(w)
		}
		blank = 0
		fmt.Fprintf(w, "%7.1f s %6d %s\n", float64(i)*load.Step.Seconds(), n, strings.Repeat("#", (n*width+most-1)/most))
	}
}
