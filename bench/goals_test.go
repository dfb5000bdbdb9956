//go:build linux

package bench

import (
	"slices"
	"strings"
	"testing"
)

// Every goal names a scenario and a peer that there are, and one way to judge by.
func TestDemands(t *testing.T) {
	for _, d := range demands {
		if s, err := SelectScenarios([]string{d.scenario}); err != nil || len(s) != 1 {
			t.Errorf("%s: %v", d.what, err)
		}
		if !slices.Contains([]string{"weir", "weir pool"}, d.peer) || d.most <= 0 || (d.figure == nil) == (len(d.against) == 0) {
			t.Errorf("%s in %s: %+v", d.what, d.scenario, d)
		}
	}
}

func TestJudge(t *testing.T) {
	scenarios := []Scenario{{Name: "echo125", Kind: KindEcho}, {Name: "idle", Kind: KindIdle}, {Name: "tls-storm", Kind: KindStorm}}
	cpu := func(scenario, peer string, us float64) Cell {
		return Cell{Scenario: scenario, Peer: peer, Round: 1, Figures: Figures{Ops: 1, CPUMicros: us}}
	}
	cells := []Cell{
		cpu("echo125", "nginx", 10), cpu("echo125", "weir", 10.01), cpu("echo125", "weir pool", 4),
		{Scenario: "idle", Peer: "weir", Round: 1, Figures: Figures{Ops: 1, RSSPerConn: 1000}},
		{Scenario: "idle", Peer: "weir pool", Round: 1, Err: "ended"},
		cpu("tls-storm", "nginx", 400), cpu("tls-storm", "HAProxy", 300), cpu("tls-storm", "weir", 290),
	}
	report := Report{Scenarios: scenarios}
	report.Fill(cells)
	want := []Goal{
		{"echo125, weir: CPU per round trip, of nginx's", "at most 1.000", "1.001", false}, // missed by a little is missed
		{"echo125, weir: CPU per round trip, of the relay's", "at most 1.100", unknown, false},
		{"echo125, weir pool: CPU per round trip, of nginx's", "at most 0.500", "0.400", true},
		{"echo125, weir pool: CPU per round trip, of HAProxy's pool", "at most 0.700", unknown, false},
		{"echo125, weir pool: CPU per round trip, of Weir's own tunnels", "at most 0.550", "0.400", true},
		{"idle, weir: bytes per idle client", "at most 1000", "1000", true},
		{"idle, weir pool: bytes per idle client", "at most 600", unknown, false},
		{"tls-storm, weir: CPU per full handshake, of the better of nginx and HAProxy", "at most 0.900", "0.967", false},
	}
	if !slices.Equal(report.Goals, want) {
		t.Errorf("got %+v\nwant %+v", report.Goals, want)
	}
	var b strings.Builder
	writeGoals(&b, report.Goals)
	for _, part := range []string{"| echo125, weir: CPU per round trip, of nginx's ", "\n3 of 8 goals are met. Not met: echo125, weir: CPU", "of the relay's (not known; asked: at most 1.100)"} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("no %q in\n%s", part, b.String())
		}
	}
}
