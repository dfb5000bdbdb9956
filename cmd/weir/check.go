package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"weir/gateway/config"
)

// check says what would run, and where each value that is not a default came from.
func check(args []string, p program) int {
	cfg, exit := p.load(args)
	if cfg == nil {
		return exit
	}
	fmt.Fprintln(p.stdout, "The configuration is good.")
	t := table{tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)}
	t.row("listen", strings.Join(cfg.Listen, ", "))
	t.row("admin", cfg.Admin)
	t.row("loops", orElse(cfg.Loops, "one per core"))
	t.backends(cfg)
	t.row("hash on", hashing(cfg))
	t.row("health", health(cfg))
	t.row("limits", limits(cfg))
	t.row("timeouts", fmt.Sprintf("handshake %v, connect %v, backend %v, idle %s, ping %s, drain %v",
		cfg.HandshakeTimeout, cfg.ConnectTimeout, cfg.BackendTimeout,
		orElse(cfg.IdleTimeout, "never"), orElse(cfg.PingInterval, "never"), cfg.DrainTimeout))
	t.Flush()
	given(cfg, p.stdout)
	return exitOK
}

type table struct{ *tabwriter.Writer }

func (t table) row(name, text string) { fmt.Fprintf(t, "  %s\t%s\n", name, text) }

func (t table) backends(cfg *config.Config) {
	specs, _ := cfg.Backends() // Load has checked them
	total := 0
	for _, s := range specs {
		total += s.Weight
	}
	name := "backends"
	for _, s := range specs {
		weight := s.Weight
		s.Weight = 1
		t.row(name, fmt.Sprintf("%s, weight %d (%.1f%%)", s, weight, 100*float64(weight)/float64(total)))
		name = ""
	}
	if cfg.Demo {
		t.row(name, "an echo server inside")
	}
}

func hashing(cfg *config.Config) string {
	if cfg.BalanceFactor == 0 {
		return fmt.Sprintf("%s, loads not bounded", cfg.HashOn)
	}
	return fmt.Sprintf("%s, loads up to %g times the fair share", cfg.HashOn, cfg.BalanceFactor)
}

func health(cfg *config.Config) string {
	if cfg.HealthInterval == 0 {
		return "no checks"
	}
	how := "TCP connect"
	if cfg.HealthPath != "" {
		how = "GET " + cfg.HealthPath
	}
	return fmt.Sprintf("%s every %v, up after %d good, down after %d bad",
		how, cfg.HealthInterval, cfg.HealthRise, cfg.HealthFall)
}

func limits(cfg *config.Config) string {
	return fmt.Sprintf("connections %s, per address %s; head %s, %d fields; message %s, frame %s; queued %s",
		orElse(cfg.MaxConnections, "as open files allow"), orElse(cfg.MaxConnectionsPerIP, "any"),
		cfg.MaxHeaderSize, cfg.MaxHeaderFields,
		orElse(cfg.MaxMessageSize, "any"), orElse(cfg.MaxFrameSize, "any"), cfg.HighWater)
}

// orElse is a number as text, or what its zero means.
func orElse[T int | config.Size | time.Duration](n T, zero string) string {
	if n == 0 {
		return zero
	}
	return fmt.Sprint(n)
}

func given(cfg *config.Config, w io.Writer) {
	settings := cfg.Given()
	if len(settings) == 0 {
		return
	}
	fmt.Fprintln(w, "\nGiven, and where:")
	t := table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	for _, s := range settings {
		t.row(s.Place, strings.ReplaceAll(s.Value, "\n", " | "))
	}
	t.Flush()
}
