//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/bench"
	"weir/bench/load"
	"weir/bench/peers"
)

// The test binary is weirbench too, so that it can start its own backend and relay.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && commands[os.Args[1]] != nil {
		os.Exit(run(context.Background(), os.Args[1:]))
	}
	if len(os.Args) == 6 && os.Args[1] == "terminate" {
		fmt.Fprintln(os.Stderr, terminate(os.Args[2], os.Args[3], os.Args[4], os.Args[5]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func quick(s bench.Scenario) bench.Scenario {
	s.Warmup, s.Seconds = 100*time.Millisecond, 400*time.Millisecond
	s.Conns, s.Least, s.Settle = min(s.Conns, 50), min(s.Least, time.Second), 0
	return s
}

// Peers that work and peers that fail in each of the ways they can, side by side.
func TestCompare(t *testing.T) {
	me := self(t)
	sh := func(name, script string) peers.Peer {
		return peers.Peer{Name: name, Command: func(p peers.Place) ([]string, error) {
			return []string{"sh", "-c", script, me, p.Listen.String(), p.Backend.String()}, nil
		}}
	}
	plan := bench.Plan{
		Backend: peers.Echo(me), Pool: peers.EchoH2C(me), Rounds: 1, Progress: t.Output(),
		Peers: []peers.Peer{
			peers.Direct(), peers.Relay(me), peers.Weir("/no/such/weir"),
			{Name: "absent", Program: "/no/such/program", Command: peers.Nginx().Command},
			sh("unable", "echo cannot bind >&2; exit 3"),
			sh("dying", `"$0" serve-relay --listen "$1" --to "$2" & sleep 0.4; kill -9 $!; exit 7`),
		},
	}
	seen := map[string]bool{} // one scenario of each behaviour
	for _, s := range bench.Scenarios() {
		if how := fmt.Sprint(s.Kind, s.Rate > 0); !seen[how] {
			seen[how] = true
			plan.Scenarios = append(plan.Scenarios, quick(s))
		}
	}
	cells, err := bench.Compare(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	if want := len(plan.Scenarios)*len(plan.Peers) - 1; len(cells) != want { // with no gateway there is nothing to drain
		t.Fatalf("%d cells, want %d", len(cells), want)
	}
	wants := map[string]string{"absent": "no such file", "unable": "cannot bind", "weir": "no such file", "dying": ""}
	for _, c := range cells {
		want, broken := wants[c.Peer]
		switch {
		case broken && (c.Err == "" || !strings.Contains(c.Err, want)):
			t.Errorf("%s %s: error %q, want %q in it", c.Scenario, c.Peer, c.Err, want)
		case broken:
		case c.Err != "" || c.Ops == 0:
			t.Errorf("%s %s: %d ops, %s", c.Scenario, c.Peer, c.Ops, c.Err)
		case c.Peer == "L4 relay" && c.Scenario != "idle" && c.Scenario != "drain" && c.CPUMicros <= 0:
			t.Errorf("%s %s: no CPU accounted", c.Scenario, c.Peer)
		}
	}
}

// Pooled peers get the backend that speaks RFC 8441, and nobody is asked for more clients than it has descriptors.
func TestCompareChoosesTheBackend(t *testing.T) {
	me := self(t)
	asks := func(name string, pooled bool) peers.Peer {
		return peers.Peer{Name: name, Pooled: pooled, Command: func(p peers.Place) ([]string, error) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			target := load.Target{Addr: p.Backend, Host: "h", Path: "/"}
			return nil, fmt.Errorf("speaks HTTP/1.1: %t, h2c: %t", target.Probe(ctx) == nil, target.ProbeH2C(ctx) == nil)
		}}
	}
	many := bench.Scenario{Name: "many", Kind: bench.KindIdle, Conns: 1 << 30}
	cells, err := bench.Compare(t.Context(), bench.Plan{
		Scenarios: []bench.Scenario{quick(bench.Scenarios()[0]), many}, Peers: []peers.Peer{asks("tunnel", false), asks("pool", true)},
		Backend: peers.Echo(me), Pool: peers.EchoH2C(me), Rounds: 1, Progress: t.Output(),
	})
	if err != nil || len(cells) != 2 {
		t.Fatalf("%d cells, want 2; %v", len(cells), err)
	}
	for i, want := range []string{"HTTP/1.1: true, h2c: false", "HTTP/1.1: false, h2c: true"} {
		if !strings.Contains(cells[i].Err, want) {
			t.Errorf("%s: %s, want %s", cells[i].Peer, cells[i].Err, want)
		}
	}
}

// Peers with TLS show the comparison's certificate, and a storm that is to resume does; others are left out.
func TestCompareOverTLS(t *testing.T) {
	me := self(t)
	terminator := peers.Peer{Name: "terminator", TLS: true, Command: func(p peers.Place) ([]string, error) {
		return []string{me, "terminate", p.Listen.String(), p.Backend.String(), p.Chain(), p.Key()}, nil
	}}
	plan := bench.Plan{Backend: peers.Echo(me), Peers: []peers.Peer{peers.Direct(), terminator, peers.Weir("/no/such/weir")}, Rounds: 1, Progress: t.Output()}
	for _, s := range bench.Scenarios() {
		if s.TLS {
			plan.Scenarios = append(plan.Scenarios, quick(s))
		}
	}
	cells, err := bench.Compare(t.Context(), plan)
	if err != nil || len(cells) != 2*len(plan.Scenarios) || len(cells) == 0 {
		t.Fatalf("%d cells of %d scenarios, %v", len(cells), len(plan.Scenarios), err)
	}
	for _, c := range cells {
		if c.Peer == "weir" {
			if !strings.Contains(c.Err, "no such file") {
				t.Errorf("%s weir: %s", c.Scenario, c.Err)
			}
			continue
		}
		resumed := strings.HasSuffix(c.TLS, ", resumed")
		if c.Err != "" || c.Ops == 0 || !strings.HasPrefix(c.TLS, "TLS 1.3, ") || resumed != (c.Scenario == "tls-storm-resumed") {
			t.Errorf("%s: %d ops, %q, %s", c.Scenario, c.Ops, c.TLS, c.Err)
		}
	}
}

func TestInterruptedCompareStopsEverything(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	scenario := quick(bench.Scenarios()[0])
	scenario.Seconds = time.Minute
	pids := filepath.Join(t.TempDir(), "pid")
	recorded := peers.Peer{Name: "recorded", Command: func(p peers.Place) ([]string, error) {
		return []string{"sh", "-c", `echo $$ > "$3"; "$0" serve-relay --listen "$1" --to "$2"`, self(t), p.Listen.String(), p.Backend.String(), pids}, nil
	}}
	go func() {
		for ctx.Err() == nil {
			if b, _ := os.ReadFile(pids); len(b) > 0 {
				time.AfterFunc(300*time.Millisecond, cancel) // somewhere within the measurement
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	_, err := bench.Compare(ctx, bench.Plan{
		Scenarios: []bench.Scenario{scenario}, Peers: []peers.Peer{recorded}, Backend: peers.Echo(self(t)), Rounds: 1, Progress: t.Output(),
	})
	if err != context.Canceled {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
	pid, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/proc/" + string(bytes.TrimSpace(pid))); err == nil {
		t.Error("the peer outlived the comparison")
	}
}

func TestStatus(t *testing.T) {
	for _, tc := range []struct {
		args string
		want int
	}{
		{"--help", 0},
		{"echo --help", 0},
		{"compare --help", 0},
		{"", 2},
		{"nope", 2},
		{"echo --nope", 2},
		{"echo stray", 2},
		{"echo --conns 0", 2},
		{"echo --url wsx://127.0.0.1/", 2},
		{"echo --insecure", 2},
		{"storm --resume", 2},
		{"echo --resume", 2},
		{"echo --url wss://127.0.0.1:1/ --conns 2", 1},           // nobody there
		{"storm --url wss://127.0.0.1:1/ --conns 2 --resume", 1}, // nobody there
		{"echo --url ws://192.0.2.1/", 1},                        // beyond loopback
		{"echo --url ws://127.0.0.1:1/ --conns 2", 1},            // nobody there
		{"storm --url ws://127.0.0.1:1/ --conns 2", 1},           // nobody there
		{"idle --url ws://127.0.0.1:1/ --conns 100000000", 1},    // too few descriptors
		{"idle --url ws://127.0.0.1:1/ --pids 1073741824", 1},    // no such process
		{"slow --url ws://127.0.0.1:1/ --conns 2", 1},            // nobody there
		{"slow --rate 3", 2},
		{"slow --slow 0", 2},
		{"slow --slow-read -1", 2},
		{"echo --conns 5 --active 6", 2},
		{"echo --seconds 0", 2},
		{"echo --seconds nan", 2},
		{"echo --seconds -1", 2},
		{"echo --threads 1000", 2},
		{"echo --url ws://127.0.0.1:1/ --url ws://127.0.0.1:2/", 2},
		{"fanout --conns 1", 2},
		{"fanout --size 7", 2},
		{"churn --messages 0", 2},
		{"drain --rate 0", 2},
		{"drain --rate nan", 2},
		{"echo --rate nan", 2},
		{"echo --rate inf", 2},
		{"echo --rate -1", 2},
		{"echo --rate 1e-9", 2},
		{"echo --rate 1e12", 2},
		{"echo --rate 20000 --conns 1000", 2}, // together
		{"fanout --rate 1e7", 2},
		{"compare --seconds nan", 2},
		{"compare --seconds 0", 2},
		{"compare --warmup -1", 2},
		{"idle --pings x", 2},
		{"compare --peers nope", 2},
		{"compare --scenario nope", 2},
		{"serve-echo --listen nonsense", 2},
		{"serve-echo --max-streams -1", 2},
		{"serve-relay --to nonsense", 2},
	} {
		if got := run(t.Context(), strings.Fields(tc.args)); got != tc.want {
			t.Errorf("weirbench %s: status %d, want %d", tc.args, got, tc.want)
		}
	}
}
