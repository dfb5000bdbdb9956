//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/bench"
	"weir/bench/peers"
)

// gateway builds weir, which is started by itself or by a shell script that finds it in $weir.
func gateway(t *testing.T, script string) string {
	t.Helper()
	dir := t.TempDir()
	binary, path := filepath.Join(dir, "weir"), filepath.Join(dir, "run")
	if out, err := exec.Command("go", "build", "-o", binary, "weir/cmd/weir").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if script == "" {
		return binary
	}
	if err := os.WriteFile(path, fmt.Appendf(nil, "#!/bin/sh\nweir=%s\n%s\n", binary, script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func many(t *testing.T, gateway string) bench.Many {
	return bench.Many{
		Gateway: gateway, Self: self(t), Conns: 300, Loops: 2, Processes: 3, Rate: 5000, Talkers: 30, MessageRate: 20, Size: 125,
		Ping: 500 * time.Millisecond, Idle: 1200 * time.Millisecond, Talk: 500 * time.Millisecond, Drain: time.Second, Progress: t.Output(),
	}
}

func TestManySockets(t *testing.T) {
	m, err := bench.HoldMany(t.Context(), many(t, gateway(t, "")))
	if err != nil {
		t.Fatal(err)
	}
	if m.Held != 300 || m.Failed != 0 || m.Closed[1001] != 300 || m.PingsPerSecond < 300 {
		t.Errorf("%d held, %d failed, closed %v, %.0f pings answered a second", m.Held, m.Failed, m.Closed, m.PingsPerSecond)
	}
	if want := 300; m.Ops < int64(want*9/10) || m.Ops > int64(want*11/10) || m.P50 <= 0 || m.CPUMicros <= 0 {
		t.Errorf("%d echoes, want some %d; p50 %v us, CPU %v us", m.Ops, want, m.P50, m.CPUMicros)
	}
	if m.HandshakeMicros <= 0 || m.RSSPerConn <= 0 || m.Goroutines < 2 || m.Threads < 2 || m.OpenSeconds <= 0 || m.DrainSeconds <= 0 {
		t.Errorf("figures are missing: %+v", m)
	}
	childless(t)
}

// What was measured before weir died is kept, and the error tells what happened.
func TestManySocketsOfADyingGateway(t *testing.T) {
	m, err := bench.HoldMany(t.Context(), many(t, gateway(t, `"$weir" "$@" & sleep 2; kill -9 $!; exit 7`)))
	if err == nil || !strings.Contains(err.Error(), "every connection was lost") || !strings.Contains(err.Error(), "exit status 7") || m.Err != err.Error() {
		t.Errorf("the error is %v", err)
	}
	if m.Held != 300 || m.OpenSeconds <= 0 {
		t.Errorf("%d held after %v s", m.Held, m.OpenSeconds)
	}
	childless(t)
}

func TestManySocketsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	plan := many(t, gateway(t, ""))
	plan.Idle = time.Minute
	time.AfterFunc(3*time.Second, cancel)
	if m, err := bench.HoldMany(ctx, plan); !errors.Is(err, context.Canceled) || m.Held != 300 {
		t.Errorf("%d held, %v", m.Held, err)
	}
	childless(t)
}

func TestGrow(t *testing.T) {
	plan := many(t, gateway(t, ""))
	plan.Idle, plan.Ping = 100*time.Millisecond, 0
	grown, err := bench.Grow(t.Context(), plan, bench.GrowthPoints([]int{20, 100}, []int{1}))
	if err != nil || len(grown.Points) != 2 {
		t.Fatalf("%d points, %v", len(grown.Points), err)
	}
	for i, conns := range []int{20, 100} {
		g := grown.Points[i]
		if g.Conns != conns || g.Held != conns || g.Loops != 1 || g.HandshakeMicros <= 0 || g.CPUMicros <= 0 {
			t.Errorf("%+v", g)
		}
		if g.PerSecond < 500 || g.PerSecond > 700 { // of any number of connections
			t.Errorf("%.0f messages a second, want 600", g.PerSecond)
		}
	}
	plan.Gateway = "/no/such/weir"
	grown, err = bench.Grow(t.Context(), plan, bench.GrowthPoints([]int{20, 30}, []int{1}))
	if err == nil || len(grown.Points) != 2 || !strings.Contains(grown.Points[1].Err, "no such file") {
		t.Errorf("%+v, %v", grown, err)
	}
	childless(t)
}

func TestIdleInSeveralProcesses(t *testing.T) {
	run := func(args ...string) int {
		return run(t.Context(), append([]string{"idle", "--processes", "3", "--seconds", "0.1", "--warmup", "0.1"}, args...))
	}
	backend, err := peers.Start(t.Context(), peers.Echo(self(t)), peers.Place{Files: 1000})
	if err != nil {
		t.Fatal(err)
	}
	url := "ws://" + backend.Addr().String() + "/"
	if status := run("--conns", "90", "--url", url); status != 0 {
		t.Errorf("status %d", status)
	}
	for _, args := range [][]string{{"--url", "ws://127.0.0.1:1/"}, {"--url", "wss://127.0.0.1:1/"}, {"--url", url, "--pings", "1"}} {
		if status := run(args...); status != 1 {
			t.Errorf("%v: status %d, want 1", args, status)
		}
	}
	f, err := bench.Measure(t.Context(), bench.Scenario{Kind: bench.KindIdle, Conns: 90, Processes: 3, Least: 300 * time.Millisecond}, backend.Target(), bench.Subject{})
	if err != nil || f.Seconds != 0.3 || f.LoadBusy <= 0 || f.LoadCPU <= 0 {
		t.Errorf("%+v, %v; want 0.3 s, and the processes accounted", f, err)
	}
	backend.Stop()
	childless(t)
}

// A document that cannot be written into is told of at once, not when all has been measured.
func TestDocumentWithoutAnEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "B.md")
	if err := os.WriteFile(path, []byte("<!-- growth:begin -->\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"million --conns 9", "growth --conns 9"} {
		status, out, notes := said(t, command+" --gateway-bin /no/one --write "+path)
		if status != 1 || out != "" || !strings.Contains(notes, "no <!-- growth:end -->") {
			t.Errorf("%s: status %d, %s%s", command, status, out, notes)
		}
	}
}

// What failed or was interrupted takes no good file's place.
func TestFilesOutliveAFailure(t *testing.T) {
	dir := t.TempDir()
	data, document, plots := filepath.Join(dir, "d.json"), filepath.Join(dir, "B.md"), filepath.Join(dir, "plots")
	for _, path := range []string{data, document} {
		if err := os.WriteFile(path, []byte("<!-- bench:begin --> good <!-- bench:end -->"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dying := gateway(t, `"$weir" "$@" & sleep 2; kill -9 $!; exit 7`)
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	to := fmt.Sprintf(" --json %s --write %s --gateway-bin %s", data, document, dying)
	for args, ctx := range map[string]context.Context{
		"growth --conns 20 --loops 1 --idle 9s --plots " + plots:   t.Context(),
		"million --conns 20 --idle 9s":                             t.Context(),
		"compare --scenario storm --peers direct --plots " + plots: interrupted,
	} {
		if status := run(ctx, strings.Fields(args+to)); status == 0 {
			t.Errorf("%s: status 0", args)
		}
		for _, path := range []string{data, document} {
			if b, err := os.ReadFile(path); err != nil || !strings.Contains(string(b), " good ") {
				t.Errorf("%s: %s is now %q, %v", args, path, b, err)
			}
		}
		if _, err := os.Stat(plots); err == nil {
			t.Errorf("%s: pictures were drawn", args)
		}
	}
	childless(t)
}

func TestManySocketsRefused(t *testing.T) {
	for args, want := range map[string]int{
		"million --help":                           0,
		"million --conns 0":                        2,
		"million --conns 10 --talkers 11":          2,
		"million --rate 0":                         2,
		"million --rate nan":                       2,
		"million --rate inf":                       2,
		"million --rate 1e3 --talkers 5000":        2, // together
		"million --ramp nan":                       2,
		"million --ramp 1e-9":                      2,
		"growth --rate 1e12":                       2,
		"million --size 7":                         2,
		"growth --conns 10,0":                      2,
		"growth --loops -1":                        2,
		"swarm stray":                              2,
		"million --conns 100000000000 --talkers 1": 1, // no machine holds them
		"million --conns 9 --gateway-bin /no/one":  1,
	} {
		if status := run(t.Context(), strings.Fields(args)); status != want {
			t.Errorf("weirbench %s: status %d, want %d", args, status, want)
		}
	}
	childless(t)
}

// childless fails if a process that this one started still is there.
func childless(t *testing.T) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		t.Fatalf("no process in /proc: %v", err)
	}
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile
		}
		line := string(b)
		var state string
		var parent int
		if _, err := fmt.Sscanf(line[strings.LastIndexByte(line, ')')+1:], " %s %d", &state, &parent); err == nil && parent == os.Getpid() {
			t.Errorf("a child is left: %s", line)
		}
	}
}
