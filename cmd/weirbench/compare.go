//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"weir/bench"
	"weir/bench/peers"
)

// choice is what compare was asked for.
type choice struct {
	scenarios, peers []string
	seconds, warmup  time.Duration
	rounds           int
	gateway          string
	json, plots      string
	document         string
	markdown         bool
}

func compare(ctx context.Context, args []string) error {
	var c choice
	flags := pflag.NewFlagSet("weirbench compare", pflag.ContinueOnError)
	flags.StringSliceVar(&c.scenarios, "scenario", []string{"all"}, bench.ScenarioNames()+" or all, comma-separated")
	flags.StringSliceVar(&c.peers, "peers", []string{"all"}, "direct, relay, nginx, nginx64k (echo64k alone), haproxy, haproxy-pool, caddy, traefik, envoy (these in "+strings.Join(core, ", ")+"), weir, weir-pool or all, comma-separated")
	flags.IntVar(&c.rounds, "rounds", 3, "rounds; the tables show medians over them (churn and drain have one)")
	secondsVar(flags, &c.seconds, "seconds", 1.2, "how long to measure each cell; 5 at least where a rate is given")
	secondsVar(flags, &c.warmup, "warmup", 0.3, "seconds before that, to warm up or to settle; 3 at least where clients are idle")
	flags.StringVar(&c.gateway, "gateway-bin", "bin/weir", "the weir to measure")
	flags.StringVar(&c.json, "json", "", "file to write everything to, - for stdout in place of the tables")
	flags.BoolVar(&c.markdown, "markdown", false, "print the machine above the tables too, to paste into a document")
	flags.StringVar(&c.plots, "plots", "", "folder to draw the figures into, as SVG")
	flags.StringVar(&c.document, "write", "", "document to write the tables into, between its marks, with links to what --json and --plots wrote")
	if err := parse(flags, args); err != nil {
		return err
	}
	plan, err := c.plan()
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	if c.document != "" {
		if err := bench.CheckDocument(c.document); err != nil {
			return err
		}
	}
	report := bench.Report{When: time.Now(), Machine: bench.ReadMachine(c.gateway), Rounds: c.rounds, Seconds: c.seconds.Seconds(), Scenarios: plan.Scenarios}
	cells, err := bench.Compare(ctx, plan)
	report.Partial = err != nil
	report.Fill(cells)
	return errors.Join(err, c.publish(&report), report.Failed())
}

func (c *choice) plan() (bench.Plan, error) {
	if c.rounds < 1 || c.seconds <= 0 {
		return bench.Plan{}, errors.New("--rounds and --seconds must be above 0")
	}
	self, err := os.Executable()
	if err != nil {
		return bench.Plan{}, err
	}
	plan := bench.Plan{Backend: peers.Echo(self), Pool: peers.EchoH2C(self), Rounds: c.rounds, Progress: os.Stderr}
	if plan.Scenarios, err = bench.SelectScenarios(c.scenarios); err != nil {
		return plan, err
	}
	for i := range plan.Scenarios {
		plan.Scenarios[i].Seconds, plan.Scenarios[i].Warmup = c.seconds, c.warmup
	}
	plan.Peers, err = c.choosePeers(self)
	return plan, err
}

// core are the scenarios of peers that are measured for their place in the field and not for every trait.
var core = []string{"echo125", "open100", "idle", "storm", "http"}

// choosePeers finds the peers by their names. Of all, those that few have are left out, with a line,
// where they are not installed; a peer that was asked for by name has rows that say so.
func (c *choice) choosePeers(self string) (chosen []peers.Peer, err error) {
	all := []struct {
		name     string
		peer     peers.Peer
		optional bool
	}{
		{"direct", peers.Direct(), false},
		{"relay", peers.Relay(self), false},
		{"nginx", peers.Nginx(), false},
		{"nginx64k", peers.NginxLarge("echo64k"), false},
		{"haproxy", peers.HAProxy(), false},
		{"haproxy-pool", peers.HAProxyPool(), false},
		{"caddy", peers.Caddy(peers.FindCaddy(), core...), true},
		{"traefik", peers.Traefik(core...), true},
		{"envoy", peers.Envoy(core...), true},
		{"weir", peers.Weir(c.gateway), false},
		{"weir-pool", peers.WeirPool(c.gateway), false},
	}
	everyone := slices.Contains(c.peers, "all")
	asked := map[string]bool{}
	for _, name := range c.peers {
		asked[strings.ToLower(name)] = true
	}
	for _, known := range all {
		named := asked[known.name]
		delete(asked, known.name)
		switch missing := known.peer.Missing(); {
		case named, everyone && (!known.optional || missing == nil):
			chosen = append(chosen, known.peer)
		case everyone:
			fmt.Fprintf(os.Stderr, "%s is left out: %v\n", known.peer.Name, missing)
		}
	}
	delete(asked, "all")
	for name := range asked {
		return nil, fmt.Errorf("no peer %q", name)
	}
	return chosen, nil
}

// publish prints and writes the report. A partial one is printed, but no file takes it.
func (c *choice) publish(r *bench.Report) error {
	if !r.Partial {
		if err := c.writeFiles(r); err != nil {
			return err
		}
	}
	if c.json == "-" {
		return writeJSON("-", r)
	}
	if c.markdown {
		fmt.Printf("%s. %s\n\n", r.Machine.Where(), r.Effort())
	}
	return r.WriteTable(os.Stdout)
}

func (c *choice) writeFiles(r *bench.Report) error {
	if c.json != "-" {
		if err := writeJSON(c.json, r); err != nil {
			return err
		}
	}
	if c.plots != "" {
		if err := r.WritePlots(c.plots); err != nil {
			return err
		}
	}
	if c.document == "" {
		return nil
	}
	beside := bench.Beside{Plots: c.plots}
	if c.json != "-" {
		beside.Data = c.json
	}
	return r.WriteDocument(c.document, beside)
}
