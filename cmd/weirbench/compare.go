//go:build linux

package main

import (
	"context"
	"encoding/json"
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
	seconds, warmup  float64
	rounds           int
	gateway          string
	json, document   string
	markdown         bool
}

func compare(ctx context.Context, args []string) error {
	var c choice
	flags := pflag.NewFlagSet("weirbench compare", pflag.ContinueOnError)
	flags.StringSliceVar(&c.scenarios, "scenario", []string{"all"}, bench.ScenarioNames()+" or all, comma-separated")
	flags.StringSliceVar(&c.peers, "peers", []string{"all"}, "direct, relay, nginx, nginx64k (echo64k alone), haproxy, haproxy-pool, weir, weir-pool or all, comma-separated")
	flags.IntVar(&c.rounds, "rounds", 3, "rounds; the tables show medians over them")
	flags.Float64Var(&c.seconds, "seconds", 5, "how long to measure each cell")
	flags.Float64Var(&c.warmup, "warmup", 1, "seconds before that, to warm up or to settle")
	flags.StringVar(&c.gateway, "gateway-bin", "bin/weir", "the weir to measure")
	flags.StringVar(&c.json, "json", "", "file to write everything to, - for stdout in place of the tables")
	flags.BoolVar(&c.markdown, "markdown", false, "print the machine above the tables too, to paste into a document")
	flags.StringVar(&c.document, "write", "", "document to write the tables into, between its marks")
	if err := parse(flags, args); err != nil {
		return err
	}
	plan, err := c.plan()
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	report := bench.Report{When: time.Now(), Machine: bench.ReadMachine(), Rounds: c.rounds, Seconds: c.seconds, Scenarios: plan.Scenarios}
	report.Cells, err = bench.Compare(ctx, plan)
	report.Rows = bench.Summarise(report.Scenarios, report.Cells)
	return errors.Join(err, c.publish(&report, err), report.Failed())
}

func (c *choice) plan() (bench.Plan, error) {
	if c.rounds < 1 || c.seconds <= 0 || c.warmup < 0 {
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
		plan.Scenarios[i].Seconds, plan.Scenarios[i].Warmup = seconds(c.seconds), seconds(c.warmup)
	}
	known := map[string]peers.Peer{
		"direct": peers.Direct(), "relay": peers.Relay(self), "nginx": peers.Nginx(),
		"nginx64k": peers.NginxLarge("echo64k"), "haproxy": peers.HAProxy(), "haproxy-pool": peers.HAProxyPool(),
		"weir": peers.Weir(c.gateway), "weir-pool": peers.WeirPool(c.gateway),
	}
	if slices.Contains(c.peers, "all") {
		c.peers = []string{"direct", "relay", "nginx", "nginx64k", "haproxy", "haproxy-pool", "weir", "weir-pool"}
	}
	for _, name := range c.peers {
		peer, ok := known[strings.ToLower(name)]
		if !ok {
			return plan, fmt.Errorf("no peer %q", name)
		}
		plan.Peers = append(plan.Peers, peer)
	}
	return plan, nil
}

// publish prints and writes the report. An interrupted one is printed, but no document takes it.
func (c *choice) publish(r *bench.Report, interrupted error) error {
	if c.json != "" {
		out := os.Stdout
		if c.json != "-" {
			f, err := os.Create(c.json)
			if err != nil {
				return err
			}
			defer f.Close()
			out = f
		}
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(r); err != nil {
			return err
		}
	}
	if c.document != "" && interrupted == nil {
		if err := r.WriteDocument(c.document); err != nil {
			return err
		}
	}
	if c.json == "-" {
		return nil
	}
	if c.markdown {
		fmt.Printf("%s. %d rounds of %g s, medians.\n\n", r.Machine.Where(), r.Rounds, r.Seconds)
	}
	return r.WriteTable(os.Stdout)
}
