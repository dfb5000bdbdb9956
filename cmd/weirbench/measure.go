//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/pflag"

	"weir/bench"
	"weir/bench/load"
)

// measureCommand is the command of one kind of scenario against one target.
func measureCommand(name string) func(context.Context, []string) error {
	return func(ctx context.Context, args []string) error {
		s := bench.Scenario{Name: name, Kind: bench.Kind(name)}
		flags := pflag.NewFlagSet("weirbench "+name, pflag.ContinueOnError)
		url := flags.String("url", "ws://127.0.0.1:8080/", "what to drive, ws:// or wss:// (TLS 1.3 alone)")
		pids := flags.IntSlice("pids", nil, "processes whose CPU and memory are accounted, comma-separated")
		asJSON := flags.Bool("json", false, "print the figures as JSON")
		insecure := flags.Bool("insecure", false, "of wss://: do not verify the certificate")
		owned := flags.Bool("i-own-this-target", false, "allow a target beyond loopback")
		window := flags.Float64("seconds", 5, "how long to measure")
		warmup := flags.Float64("warmup", 1, "seconds before that, to warm up or to settle")
		scenarioFlags(flags, &s)
		if err := parse(flags, args); err != nil {
			return err
		}
		s.Seconds, s.Warmup = seconds(*window), seconds(*warmup)
		if s.Conns < 1 || s.Active < 0 || s.Size < 0 || s.Size > 64<<20 || s.Rate < 0 || s.Seconds <= 0 || s.Warmup < 0 || s.Threads < 0 {
			return fmt.Errorf("%w: a flag's value is out of its range", errUsage)
		}
		target, err := load.ParseTarget(*url)
		if err != nil {
			return fmt.Errorf("%w: --url: %w", errUsage, err)
		}
		if s.TLS = target.TLS != nil; !s.TLS && (*insecure || s.Resume) {
			return fmt.Errorf("%w: --insecure and --resume are of wss://", errUsage)
		}
		if s.TLS {
			target.TLS.InsecureSkipVerify = *insecure
		}
		if !target.Loopback() && !*owned {
			return load.ErrNotLoopback
		}
		figures, err := bench.Measure(ctx, s, target, bench.Subject{Pids: *pids})
		if err != nil && figures.Ops == 0 {
			return err
		}
		if figures.Saturated {
			fmt.Fprintln(os.Stderr, "warning: the load generator ran short of processor time; rate and latency tell of it, not of the target")
		}
		return printFigures(os.Stdout, s, figures, *asJSON, err)
	}
}

func scenarioFlags(flags *pflag.FlagSet, s *bench.Scenario) {
	switch s.Kind {
	case bench.KindEcho:
		flags.IntVar(&s.Conns, "conns", 1000, "connections to open")
		flags.IntVar(&s.Active, "active", 0, "how many of them talk, 0 for all")
		flags.IntVar(&s.Size, "size", 125, "payload bytes of a message, up to 64 MiB")
		flags.Float64Var(&s.Rate, "rate", 0, "messages a second and connection; 0 for the closed loop: send, await the echo, send")
	case bench.KindSlow:
		flags.IntVar(&s.Conns, "conns", 1000, "connections that talk")
		flags.IntVar(&s.Size, "size", 125, "payload bytes of a message, up to 64 MiB")
	case bench.KindIdle:
		flags.IntVar(&s.Conns, "conns", 8000, "connections to hold")
	case bench.KindStorm:
		flags.IntVar(&s.Conns, "conns", 64, "handshakes under way at any time")
		flags.BoolVar(&s.Resume, "resume", false, "of wss://: resume one TLS session; a full handshake is a fault")
		return
	}
	flags.IntVar(&s.Ramp, "ramp", 5000, "connections to open a second")
	flags.IntVar(&s.Threads, "threads", 1, "event loops of the load generator")
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func printFigures(w io.Writer, s bench.Scenario, f bench.Figures, asJSON bool, fault error) error {
	if asJSON {
		out := struct {
			bench.Scenario
			bench.Figures
			Err string `json:"error,omitempty"`
		}{Scenario: s, Figures: f}
		if fault != nil {
			out.Err = fault.Error()
		}
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(out); err != nil {
			return err
		}
		return fault
	}
	if s.Kind == bench.KindIdle {
		fmt.Fprintf(w, "%d connections held for %.1f s\n", f.Ops, f.Seconds)
		fmt.Fprintf(w, "memory   %.0f bytes a client (slab of all processes: %.0f)\n", f.RSSPerConn, f.SlabPerConn)
		fmt.Fprintf(w, "CPU      %.2f %% of one processor\n", 100*f.CPUShare)
		printTLS(w, f)
		return fault
	}
	fmt.Fprintf(w, "%d in %.1f s, %.0f a second\n", f.Ops, f.Seconds, f.PerSecond)
	fmt.Fprintf(w, "latency  p50 %.0f  p90 %.0f  p99 %.0f  p99.9 %.0f  max %.0f us\n", f.P50, f.P90, f.P99, f.P999, f.Max)
	if s.Kind == bench.KindSlow {
		fmt.Fprintf(w, "before   p99 %.0f us, without the client that never reads\n", f.P99Alone)
		fmt.Fprintf(w, "memory   %+.0f bytes since it came; %.0f were taken from it\n", f.RSSGrowth, f.SlowTaken)
	}
	fmt.Fprintf(w, "CPU      %.2f us each (user %.2f, system %.2f) of the measured processes\n", f.CPUMicros, f.UserMicros, f.SystemMicros)
	fmt.Fprintf(w, "load     busy %.0f %%, waiting for a processor %.0f %%\n", 100*f.LoadBusy, 100*f.LoadStarved)
	printTLS(w, f)
	return fault
}

func printTLS(w io.Writer, f bench.Figures) {
	if f.TLS != "" {
		fmt.Fprintf(w, "TLS      %s\n", f.TLS)
	}
}
