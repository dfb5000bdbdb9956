//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"

	"weir/bench"
	"weir/bench/echo"
	"weir/bench/load"
)

// aim is what a scenario is turned on, and how it is told of.
type aim struct {
	urls                  []string
	pids                  []int
	json, insecure, owned bool
	seconds, warmup       time.Duration
}

// measureCommand is the command of one kind of scenario against one target.
func measureCommand(name string) func(context.Context, []string) error {
	return func(ctx context.Context, args []string) error {
		s := bench.Scenario{Name: name, Kind: bench.Kind(name)}
		var a aim
		flags := pflag.NewFlagSet("weirbench "+name, pflag.ContinueOnError)
		a.flags(flags, s.Kind)
		scenarioFlags(flags, &s)
		if err := parse(flags, args); err != nil {
			return err
		}
		s.Seconds, s.Warmup = a.seconds, a.warmup
		if err := check(s); err != nil {
			return fmt.Errorf("%w: %w", errUsage, err)
		}
		targets, err := a.targets(&s)
		if err != nil {
			return err
		}
		figures, err := bench.Measure(ctx, s, targets[0], bench.Subject{Pids: a.pids, Others: targets[1:]})
		if err != nil && figures.Ops == 0 && !a.json {
			return err
		}
		if figures.Saturated {
			fmt.Fprintln(os.Stderr, "warning: the load generator ran short of processor time; rate and latency tell of it, not of the target")
		}
		return errors.Join(err, printFigures(s, figures, a.json, err))
	}
}

func (a *aim) flags(flags *pflag.FlagSet, kind bench.Kind) {
	about := "what to drive, ws:// or wss:// (TLS 1.3 alone)"
	window, warmup := 5.0, 1.0
	switch kind {
	case bench.KindDrain:
		about += "; all begin at the first, and those who lose their connection go round them all"
		window = 30
	case bench.KindHTTP:
		about = "what to drive, http:// or https:// (TLS 1.3 alone); each GET must be answered with 200 and a Content-Length"
	case bench.KindFanout:
		about += "; what one client sends there, the server must send to all others (weirbench serve-echo does so at " + echo.FanoutPath + ")"
	case bench.KindChurn:
		window = 30
	case bench.KindIdle:
		warmup = 3 // gateways give memory back a while after the last newcomer
	}
	path := map[bench.Kind]string{bench.KindFanout: echo.FanoutPath, bench.KindHTTP: echo.RequestPath}[kind]
	flags.StringArrayVar(&a.urls, "url", []string{"ws://127.0.0.1:8080" + path}, about)
	flags.IntSliceVar(&a.pids, "pids", nil, "processes whose CPU and memory are accounted, comma-separated")
	flags.BoolVar(&a.json, "json", false, "print the figures as JSON")
	flags.BoolVar(&a.insecure, "insecure", false, "of wss://: do not verify the certificate")
	flags.BoolVar(&a.owned, "i-own-this-target", false, "allow a target beyond loopback")
	secondsVar(flags, &a.seconds, "seconds", window, "how long to measure")
	secondsVar(flags, &a.warmup, "warmup", warmup, "before that, to warm up or to settle")
}

// targets resolves the URLs and sees to it that they may be driven.
func (a *aim) targets(s *bench.Scenario) ([]load.Target, error) {
	if len(a.urls) > 1 && s.Kind != bench.KindDrain {
		return nil, fmt.Errorf("%w: --url may be given once", errUsage)
	}
	var targets []load.Target
	for _, url := range a.urls {
		t, err := load.ParseTarget(url)
		if err != nil {
			return nil, fmt.Errorf("%w: --url: %w", errUsage, err)
		}
		if !t.Loopback() && !a.owned {
			return nil, load.ErrNotLoopback
		}
		if t.TLS != nil {
			s.TLS = true
			t.TLS.InsecureSkipVerify = a.insecure
		}
		targets = append(targets, t)
	}
	if !s.TLS && (a.insecure || s.Resume) {
		return nil, fmt.Errorf("%w: --insecure and --resume are of wss://", errUsage)
	}
	return targets, nil
}

func scenarioFlags(flags *pflag.FlagSet, s *bench.Scenario) {
	const bytes = "payload bytes of a message, up to 64 MiB"
	switch s.Kind {
	case bench.KindEcho:
		flags.IntVar(&s.Conns, "conns", 1000, "connections to open")
		flags.IntVar(&s.Active, "active", 0, "how many of them talk, 0 for all")
		flags.IntVar(&s.Size, "size", 125, bytes)
		rateVar(flags, &s.Rate, "rate", 0, "messages a second and connection; 0 for the closed loop: send, await the echo, send")
	case bench.KindSlow:
		flags.IntVar(&s.Conns, "conns", 1000, "connections that talk")
		flags.IntVar(&s.Slow, "slow", 1, "connections beside them that send and do not read")
		flags.IntVar(&s.SlowRead, "slow-read", 0, "bytes a second that each of those reads after all")
		flags.IntVar(&s.Size, "size", 125, bytes)
	case bench.KindHellos:
		flags.IntVar(&s.Conns, "conns", 100, "connections that talk")
		flags.IntVar(&s.Hellos, "hellos", 1000, "connections beside them that each replay a ClientHello, again and again")
		flags.IntVar(&s.Size, "size", 125, bytes)
		rateVar(flags, &s.Rate, "rate", 10, "messages a second and connection; 0 for the closed loop")
	case bench.KindIdle:
		flags.IntVar(&s.Conns, "conns", 8000, "connections to hold")
		flags.IntVar(&s.Processes, "processes", 1, "load processes to spread them over, where descriptors or ports are short: with a limit of 20,000 open files some 19,000 connections each; ws:// alone, and no --pings")
		secondsVar(flags, &s.Ping, "pings", 0, "each client sends a ping so often; 0 for never. Pings of the other side are always answered")
	case bench.KindStorm:
		flags.IntVar(&s.Conns, "conns", 64, "handshakes under way at any time")
		flags.BoolVar(&s.Resume, "resume", false, "of wss://: resume one TLS session; a full handshake is a fault")
		return
	case bench.KindHTTP:
		flags.IntVar(&s.Conns, "conns", 100, "connections to keep, each with one request at a time")
		return
	case bench.KindFanout:
		flags.IntVar(&s.Conns, "conns", 1001, "connections to open, of which one speaks")
		flags.IntVar(&s.Size, "size", 125, bytes)
		rateVar(flags, &s.Rate, "rate", 0, "messages a second; 0: the next one when the last has reached everybody")
		flags.IntVar(&s.Ramp, "ramp", load.DefaultRamp, "connections to open a second")
		return
	case bench.KindChurn:
		flags.IntVar(&s.Conns, "conns", 64, "connections that live at any time")
		flags.IntVar(&s.Messages, "messages", 4, "messages of each, echoed, before it leaves")
		flags.IntVar(&s.Size, "size", 125, bytes)
		secondsVar(flags, &s.Settle, "settle", 3, "after the last has left, before memory is looked at")
		return
	case bench.KindDrain:
		flags.IntVar(&s.Conns, "conns", 1000, "connections to open")
		flags.IntVar(&s.Size, "size", 125, bytes)
		rateVar(flags, &s.Rate, "rate", 2, "messages a second and connection")
		secondsVar(flags, &s.Jitter, "jitter", 0.5, "the most a client waits, at random, before it comes back; longer when it is refused")
	}
	flags.IntVar(&s.Ramp, "ramp", load.DefaultRamp, "connections to open a second")
	flags.IntVar(&s.Threads, "threads", 1, "event loops of the load generator")
}

// check tells which flag's value is out of its range.
func check(s bench.Scenario) error {
	for _, c := range []struct {
		bad  bool
		what string
	}{
		{s.Conns < 1 || s.Kind == bench.KindFanout && s.Conns < 2, "--conns is too low"},
		{s.Active < 0 || s.Active > s.Conns, "--active is not between 0 and --conns"},
		{s.Size < 0 || s.Size > 64<<20, "--size is not between 0 and 64 MiB"},
		{s.Kind == bench.KindFanout && s.Size < 8, "--size is below 8, and each message carries its number"},
		{s.Rate < 0 || s.Kind == bench.KindDrain && s.Rate == 0, "--rate is too low"},
		{s.Kind == bench.KindSlow && s.Slow < 1, "--slow is below 1"},
		{s.Kind == bench.KindHellos && s.Hellos < 1, "--hellos is below 1"},
		{s.SlowRead < 0, "--slow-read is below 0"},
		{s.Kind == bench.KindChurn && s.Messages < 1, "--messages is below 1"},
		{s.Threads < 0 || s.Threads > 256, "--threads is not between 0 and 256"},
		{s.Seconds == 0, "--seconds is not above 0"},
	} {
		if c.bad {
			return errors.New(c.what)
		}
	}
	if s.Rate > 0 {
		return load.CheckRate(s.Rate, speakers(s))
	}
	return nil
}

// speakers are how many clients send at the scenario's rate.
func speakers(s bench.Scenario) int {
	switch {
	case s.Kind == bench.KindFanout:
		return 1
	case s.Active > 0:
		return s.Active
	}
	return s.Conns
}
