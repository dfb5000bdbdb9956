//go:build linux

package bench

import (
	"fmt"
	"reflect"
	"slices"
	"time"
)

// Report is a comparison's outcome.
type Report struct {
	When      time.Time  `json:"when"`
	Machine   Machine    `json:"machine"`
	Rounds    int        `json:"rounds"`
	Seconds   float64    `json:"seconds"`
	Partial   bool       `json:"partial,omitempty"` // it was interrupted
	Scenarios []Scenario `json:"scenarios"`
	Goals     []Goal     `json:"goals,omitempty"`
	Rows      []Row      `json:"rows"`
	Cells     []Cell     `json:"cells"`
}

// Fill takes in what was measured: the cells, and what follows from them.
func (r *Report) Fill(cells []Cell) {
	r.Cells = cells
	r.Rows = Summarise(r.Scenarios, cells)
	r.Goals = Judge(r.Scenarios, r.Rows, cells)
}

// Row is one peer in one scenario: medians over the rounds that succeeded.
type Row struct {
	Scenario string `json:"scenario"`
	Peer     string `json:"peer"`
	Figures
	Good int `json:"rounds_good"`
	Bad  int `json:"rounds_bad"`
	// Ratios of the scenario's steady figure to that of each of bases, where both are known.
	Ratios map[string]float64 `json:"ratios,omitempty"`
	Err    string             `json:"error,omitempty"` // the last failed round's
}

// bases are the peers that others are held against.
var bases = []string{"nginx", "L4 relay", "HAProxy pool", "weir"}

// Summarise makes a row of each peer and scenario, in the order of the cells.
func Summarise(scenarios []Scenario, cells []Cell) []Row {
	var rows []Row
	for _, s := range scenarios {
		first := len(rows)
		for _, peer := range peersOf(s, cells) {
			rows = append(rows, summariseOne(s, peer, cells))
		}
		for i := range rows[first:] {
			row := &rows[first+i]
			row.Ratios = map[string]float64{}
			for _, base := range bases {
				if value := ratioTo(base, row.Peer, s, cells); value > 0 {
					row.Ratios[base] = value
				}
			}
		}
	}
	return rows
}

func peersOf(s Scenario, cells []Cell) []string {
	var names []string
	for _, c := range cells {
		if c.Scenario == s.Name && !slices.Contains(names, c.Peer) {
			names = append(names, c.Peer)
		}
	}
	return names
}

func summariseOne(s Scenario, peer string, cells []Cell) Row {
	row := Row{Scenario: s.Name, Peer: peer}
	var good []Figures
	for _, c := range cells {
		switch {
		case c.Scenario != s.Name || c.Peer != peer:
		case c.Err != "":
			row.Bad++
			row.Err = c.Err
		default:
			good = append(good, c.Figures)
		}
	}
	row.Good = len(good)
	if row.Good > 0 {
		row.Figures = medians(good)
	}
	return row
}

// medians takes each figure's median by itself; of what is no number it takes the first, and a flag
// that was set in any round.
func medians(fs []Figures) (m Figures) {
	out := reflect.ValueOf(&m).Elem()
	for i := range out.NumField() {
		field := func(round int) reflect.Value { return reflect.ValueOf(&fs[round]).Elem().Field(i) }
		values := make([]float64, len(fs))
		switch into := out.Field(i); {
		case into.CanFloat():
			for round := range fs {
				values[round] = field(round).Float()
			}
			into.SetFloat(median(values))
		case into.CanInt():
			for round := range fs {
				values[round] = float64(field(round).Int())
			}
			into.SetInt(int64(median(values)))
		case into.Kind() == reflect.Bool:
			for round := range fs {
				into.SetBool(into.Bool() || field(round).Bool())
			}
		default:
			into.Set(field(0))
		}
	}
	return m
}

// steady is the figure that peers are compared by, and what it is called.
func (s *Scenario) steady(f *Figures) (value float64, name string) {
	switch {
	case s.Kind == KindIdle:
		return f.RSSPerConn, "memory"
	case s.Kind == KindDrain:
		return f.BackIn, "time"
	case s.Rate > 0: // the work is given, so what counts is how long it waits
		return f.P99, "p99"
	}
	return f.CPUMicros, "CPU"
}

// ratioTo is the median of a peer's steady figure to base's in the same round, so that the
// machine's drift from round to round cancels out; 0 if no round has both.
func ratioTo(base, peer string, s Scenario, cells []Cell) float64 {
	steady := func(peer string, round int) float64 {
		for i := range cells {
			if c := &cells[i]; c.Scenario == s.Name && c.Peer == peer && c.Round == round && c.Err == "" {
				value, _ := s.steady(&c.Figures)
				return value
			}
		}
		return 0
	}
	var ratios []float64
	for _, c := range cells {
		if c.Scenario != s.Name || c.Peer != peer {
			continue
		}
		own, other := steady(peer, c.Round), steady(base, c.Round)
		if own > 0 && other > 0 {
			ratios = append(ratios, own/other)
		}
	}
	return median(ratios)
}

// median sorts values; of none it is 0.
func median(values []float64) float64 {
	slices.Sort(values)
	mid := len(values) / 2
	switch {
	case len(values) == 0:
		return 0
	case len(values)%2 == 1:
		return values[mid]
	}
	return (values[mid-1] + values[mid]) / 2
}

// Failed is an error that names the rows without a single good round, or nil.
func (r *Report) Failed() error {
	n, first := 0, ""
	for _, row := range r.Rows {
		if row.Good == 0 {
			if n++; n == 1 {
				first = fmt.Sprintf("%s in %s: %s", row.Peer, row.Scenario, row.Err)
			}
		}
	}
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%d rows have no figures (%s)", n, first)
}
