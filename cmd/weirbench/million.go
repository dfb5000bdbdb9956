//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/pflag"

	"weir/bench"
	"weir/bench/load"
)

// outcome is where the figures go.
type outcome struct{ json, document string }

func (o *outcome) flags(flags *pflag.FlagSet) {
	flags.StringVar(&o.json, "json", "", "file to write every figure to, - for stdout in place of the table")
	flags.StringVar(&o.document, "write", "", "document to write the table into, between its marks")
}

// check refuses, before anything is measured, a document that cannot take the table.
func (o *outcome) check() error {
	if o.document == "" {
		return nil
	}
	return bench.CheckSections(o.document)
}

// findings are figures that print themselves.
type findings interface{ WriteTable(io.Writer) error }

// publish writes the figures. Those of a failed measurement are printed, but no file takes them.
func (o *outcome) publish(figures findings, document func(path string) error, failed error) error {
	var errs []error
	if o.json == "-" || failed == nil {
		errs = append(errs, writeJSON(o.json, figures))
	}
	if o.document != "" && failed == nil {
		errs = append(errs, document(o.document))
	}
	if o.json != "-" {
		errs = append(errs, figures.WriteTable(os.Stdout))
	}
	return errors.Join(errs...)
}

func manyFlags(flags *pflag.FlagSet, m *bench.Many) {
	flags.StringVar(&m.Gateway, "gateway-bin", "bin/weir", "the weir to measure")
	rateVar(flags, &m.Rate, "ramp", 4000, "connections to open a second, at most; load and weir share the machine")
	flags.IntVar(&m.Processes, "processes", 0, "load processes; 0: as many as descriptors demand")
	flags.IntVar(&m.Size, "size", 125, "payload bytes of a message, 8 to 16384")
}

func million(ctx context.Context, args []string) error {
	m := bench.Many{Progress: os.Stderr}
	var to outcome
	flags := pflag.NewFlagSet("weirbench million", pflag.ContinueOnError)
	manyFlags(flags, &m)
	flags.IntVar(&m.Conns, "conns", 1_000_000, "sockets to hold")
	flags.IntVar(&m.Loops, "loops", 0, "event loops of weir; 0: one for each core, or as many as the limit of open files demands, each with a table of its own")
	flags.IntVar(&m.Talkers, "talkers", 0, "clients that talk while the rest is idle; 0: one in a hundred")
	rateVar(flags, &m.MessageRate, "rate", 0.5, "messages a second and talker")
	flags.DurationVar(&m.Ping, "pings", time.Minute, "time between two pings of a silent client, sent by weir; 0: none")
	flags.DurationVar(&m.Idle, "idle", time.Minute, "how long to measure with all idle")
	flags.DurationVar(&m.Talk, "talk", 30*time.Second, "how long to measure with some talking")
	flags.DurationVar(&m.Drain, "drain", 0, "over how long weir drains; 0: 8,000 sockets a second, and 10 s at least")
	to.flags(flags)
	if err := parse(flags, args); err != nil {
		return err
	}
	if m.Talkers == 0 {
		m.Talkers = max(m.Conns/100, 1)
	}
	if m.Drain == 0 {
		m.Drain = max(time.Duration(m.Conns)*time.Second/8000, 10*time.Second)
	}
	if err := prepare(&m); err != nil {
		return err
	}
	if m.Conns < 1 || m.Talkers > m.Conns {
		return fmt.Errorf("%w: --conns must be above 0, and --talkers not above that", errUsage)
	}
	if err := to.check(); err != nil {
		return err
	}
	figures, err := bench.HoldMany(ctx, m)
	if err != nil && figures.Held == 0 {
		return err // there are no figures
	}
	return errors.Join(err, to.publish(&figures, figures.WriteDocument, err))
}

func growth(ctx context.Context, args []string) error {
	m := bench.Many{Progress: os.Stderr, Drain: 10 * time.Second}
	var to outcome
	var plots string
	flags := pflag.NewFlagSet("weirbench growth", pflag.ContinueOnError)
	manyFlags(flags, &m)
	conns := flags.IntSlice("conns", []int{1000, 10_000, 100_000, 1_000_000}, "numbers of connections, comma-separated")
	loops := flags.IntSlice("loops", []int{1, 2}, "numbers of weir's event loops, comma-separated; more where descriptors demand it")
	flags.IntVar(&m.Talkers, "talkers", 1000, "clients that talk while the rest is idle")
	rateVar(flags, &m.MessageRate, "rate", 5, "messages a second and talker")
	flags.DurationVar(&m.Idle, "idle", 5*time.Second, "how long to measure with all idle")
	flags.DurationVar(&m.Talk, "talk", 5*time.Second, "how long to measure with some talking")
	to.flags(flags)
	flags.StringVar(&plots, "plots", "", "folder to draw into")
	if err := parse(flags, args); err != nil {
		return err
	}
	if err := prepare(&m); err != nil {
		return err
	}
	for _, n := range append(*conns, *loops...) {
		if n < 1 {
			return fmt.Errorf("%w: --conns and --loops must be above 0", errUsage)
		}
	}
	if err := to.check(); err != nil {
		return err
	}
	figures, err := bench.Grow(ctx, m, bench.GrowthPoints(*conns, *loops))
	if plots != "" && err == nil {
		err = figures.WritePlots(plots)
	}
	return errors.Join(err, to.publish(&figures, func(path string) error { return figures.WriteDocument(path, plots) }, err))
}

// prepare completes a plan and refuses what no machine could do.
func prepare(m *bench.Many) (err error) {
	if m.Loops < 0 || m.Processes < 0 || m.Talkers < 1 || m.Rate < 1 || m.Size < 8 || m.Size > 16<<10 ||
		m.Idle <= 0 || m.Talk <= 0 || m.Drain <= 0 || m.Ping < 0 {
		return fmt.Errorf("%w: a flag's value is out of its range", errUsage)
	}
	if err := load.CheckRate(m.MessageRate, m.Talkers); err != nil {
		return fmt.Errorf("%w: --rate, --talkers: %w", errUsage, err)
	}
	m.Self, err = os.Executable()
	return err
}
