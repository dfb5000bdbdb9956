//go:build linux

package bench

import (
	"fmt"
	"slices"
	"strings"
)

// Goal is something that was asked of Weir, and what was measured of it.
type Goal struct {
	What     string `json:"what"`
	Asked    string `json:"asked"`
	Measured string `json:"measured"`
	Met      bool   `json:"met"`
}

// demand is a goal to be measured: a row's figure, or the highest of its ratios to others, each the median over the rounds.
type demand struct {
	what, scenario, peer string
	most                 float64
	against              []string               // none: the figure by itself
	figure               func(*Figures) float64 // of what is not held against others
}

var demands = []demand{
	{"CPU per round trip, of nginx's", "echo125", "weir", 1, []string{"nginx"}, nil},
	{"CPU per round trip, of the relay's", "echo125", "weir", 1.1, []string{"L4 relay"}, nil},
	{"CPU per round trip, of nginx's", "echo125", "weir pool", 0.5, []string{"nginx"}, nil},
	{"CPU per round trip, of HAProxy's pool", "echo125", "weir pool", 0.7, []string{"HAProxy pool"}, nil},
	{"CPU per round trip, of Weir's own tunnels", "echo125", "weir pool", 0.55, []string{"weir"}, nil},
	{"CPU per 64 KiB, of nginx's", "echo64k", "weir", 1, []string{"nginx"}, nil},
	{"p99 in the open loop, of nginx's", "open100", "weir", 1.1, []string{"nginx"}, nil},
	{"p99 at a low rate, of Weir's own tunnels", "lowrate", "weir pool", 1, []string{"weir"}, nil},
	{"the others' p99 beside one slow client, of what it was", "slow", "weir pool", 1.2, nil, func(f *Figures) float64 { return f.P99Change }},
	{"bytes per idle client", "idle", "weir", 1000, nil, perClient},
	{"bytes per idle client", "idle", "weir pool", 600, nil, perClient},
	{"bytes per idle client", "idle16k", "weir pool", 600, nil, perClient},
	{"CPU per handshake, of nginx's", "storm", "weir", 1, []string{"nginx"}, nil},
	{"CPU per handshake, of nginx's", "storm", "weir pool", 0.5, []string{"nginx"}, nil},
	{"CPU per handshake, of HAProxy's pool", "storm", "weir pool", 0.75, []string{"HAProxy pool"}, nil},
	{"CPU per round trip, of the better of nginx and HAProxy", "tls-echo125", "weir", 1, []string{"nginx", "HAProxy"}, nil},
	{"bytes per idle client", "tls-idle", "weir", 9000, nil, perClient},
	{"CPU per full handshake, of the better of nginx and HAProxy", "tls-storm", "weir", 0.9, []string{"nginx", "HAProxy"}, nil},
}

// perClient is the memory of an idle one.
func perClient(f *Figures) float64 { return f.RSSPerConn }

// Judge holds a run against what was asked. Scenarios that were not run are not judged.
func Judge(scenarios []Scenario, rows []Row, cells []Cell) (goals []Goal) {
	for _, d := range demands {
		i := slices.IndexFunc(scenarios, func(s Scenario) bool { return s.Name == d.scenario })
		row := slices.IndexFunc(rows, func(r Row) bool { return r.Scenario == d.scenario && r.Peer == d.peer })
		if i < 0 || row < 0 {
			continue
		}
		g := Goal{What: d.scenario + ", " + d.peer + ": " + d.what, Asked: "at most " + d.amount(d.most), Measured: unknown}
		if value := d.measure(&rows[row], scenarios[i], cells); value > 0 {
			g.Measured, g.Met = d.amount(value), value <= d.most
		}
		goals = append(goals, g)
	}
	return goals
}

// measure is 0 if there is nothing to judge by.
func (d *demand) measure(row *Row, s Scenario, cells []Cell) (value float64) {
	if d.figure != nil && row.Good > 0 {
		return d.figure(&row.Figures)
	}
	for _, base := range d.against {
		value = max(value, ratioTo(base, d.peer, s, cells))
	}
	return value
}

// amount writes bytes whole and ratios with three digits, since a goal missed by a little is missed.
func (d *demand) amount(v float64) string {
	if d.most >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

// unknown stands for what was not measured.
const unknown = "not known"

// writeGoals writes a table of the goals, and what falls short of them.
func writeGoals(b *strings.Builder, goals []Goal) {
	if len(goals) == 0 {
		return
	}
	lines := [][]string{{"what was asked", "", "measured", "met"}}
	var short []string
	for _, g := range goals {
		verdict := "yes"
		if !g.Met {
			verdict = "no"
			short = append(short, fmt.Sprintf("%s (%s; asked: %s)", g.What, g.Measured, g.Asked))
		}
		lines = append(lines, []string{g.What, g.Asked, g.Measured, verdict})
	}
	b.WriteString("### What was asked of it\n\n")
	writeAligned(b, lines)
	fmt.Fprintf(b, "\n%d of %d goals are met.", len(goals)-len(short), len(goals))
	if len(short) > 0 {
		fmt.Fprintf(b, " Not met: %s.", strings.Join(short, "; "))
	}
	b.WriteString("\n\n")
}
