//go:build linux

package bench

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"weir/bench/peers"
)

func TestProgress(t *testing.T) {
	s := Scenario{Name: "s", Kind: KindEcho, Seconds: time.Second}
	long := Scenario{Name: "long", Kind: KindEcho, Seconds: 3*time.Second + 2*startUp}
	jobs := []job{{s, 1, 1, peers.Peer{Name: "a"}}, {long, 1, 1, peers.Peer{Name: "b"}}}
	for _, tc := range []struct {
		terminal bool
		want     []string
		lacks    string
	}{
		{false, []string{"1/2 ", "a ", "p99", "2/2 ", "failed: ended"}, "\r"},
		{true, []string{"\r\x1b[K0/2 0s, s a", "\r\x1b[K1/2 ", "long b", "failed: ended\n"}, "p99"},
	} {
		var out bytes.Buffer
		p := newProgress(&out, jobs)
		p.terminal = tc.terminal
		for i, c := range []Cell{{Scenario: "s", Peer: "a"}, {Scenario: "long", Peer: "b", Err: "ended"}} {
			p.start(jobs[i])
			p.end(jobs[i], &c)
		}
		p.finish()
		for _, part := range tc.want {
			if !strings.Contains(out.String(), part) {
				t.Errorf("no %q in %q", part, out.String())
			}
		}
		if strings.Contains(out.String(), tc.lacks) {
			t.Errorf("%q in %q", tc.lacks, out.String())
		}
	}
	p := newProgress(&bytes.Buffer{}, jobs)
	p.done, p.spent = 1, s.cost()
	if got := p.clock(10 * time.Second); got != "1/2 10s, about 30s left" { // the second costs three times the first
		t.Errorf("%q", got)
	}
}

// Peers take turns within each round, those who cannot take part are named, and one round is one round.
func TestJobs(t *testing.T) {
	start := func(peers.Place) ([]string, error) { return nil, nil }
	plan := Plan{Rounds: 2, Scenarios: []Scenario{
		{Name: "echo", Kind: KindEcho, Conns: 10}, {Name: "drain", Kind: KindDrain, Conns: 10, Once: true},
		{Name: "tls", Kind: KindEcho, TLS: true, Conns: 10}, {Name: "crowd", Kind: KindIdle, Conns: 900},
	}, Peers: []peers.Peer{
		{Name: "direct"}, {Name: "some", Command: start, Only: []string{"echo"}},
		{Name: "tunnel", Command: start, TLS: true}, {Name: "pool", Command: start, Pooled: true},
	}}
	jobs, notes := plan.jobs(1200)
	var got []string
	for _, j := range jobs {
		got = append(got, j.scenario.Name+" "+j.peer.Name)
	}
	const want = "echo direct, echo some, echo tunnel, echo pool, echo direct, echo some, echo tunnel, echo pool, " +
		"drain tunnel, drain pool, tls tunnel, tls tunnel, crowd direct, crowd pool, crowd direct, crowd pool"
	if all := strings.Join(got, ", "); all != want {
		t.Errorf("got %s", all)
	}
	if all := strings.Join(notes, "\n"); len(notes) != 3 || !strings.Contains(all, "tls: pool") || !strings.Contains(all, "crowd: tunnel is left out, 900 clients") {
		t.Errorf("notes:\n%s", all)
	}
}
