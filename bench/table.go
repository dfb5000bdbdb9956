//go:build linux

package bench

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// column is a table's column: what a row shows in it.
type column struct {
	title string
	cell  func(*Row) string
}

func number(title, format string, pick func(*Row) float64) column {
	return column{title, func(r *Row) string { return fmt.Sprintf(format, pick(r)) }}
}

// count is a column of whole numbers, of which 0 means that there is none to tell.
func count(title string, pick func(*Row) int) column {
	return column{title, func(r *Row) string {
		if pick(r) == 0 {
			return "-"
		}
		return strconv.Itoa(pick(r))
	}}
}

func ratio(title, base string) column {
	return column{title + " to " + base, func(r *Row) string {
		if r.Ratios[base] == 0 {
			return "-"
		}
		return fmt.Sprintf("%.2f", r.Ratios[base])
	}}
}

// columns are those that mean something in s; a ratio needs a row of its base.
func columns(s Scenario, rows []Row) []column {
	var cs []column
	switch s.Kind {
	case KindIdle:
		cs = idleColumns(s)
	case KindDrain:
		return drainColumns()
	case KindFanout:
		cs = append(workColumns(s, "delivery", "deliveries"),
			number("last p50 us", "%.0f", func(r *Row) float64 { return r.LastP50 }),
			number("last p99 us", "%.0f", func(r *Row) float64 { return r.LastP99 }))
	case KindChurn:
		cs = append(workColumns(s, "life", "lives"),
			number("RSS before, KB", "%.0f", func(r *Row) float64 { return r.RSSBefore / 1e3 }),
			number("RSS at most, KB", "%.0f", func(r *Row) float64 { return r.RSSPeak / 1e3 }),
			number("RSS after, KB", "%.0f", func(r *Row) float64 { return r.RSSAfter / 1e3 }))
	case KindStorm:
		cs = workColumns(s, "handshake", "handshakes")
	case KindHTTP:
		cs = workColumns(s, "request", "requests")
	case KindSlow: // which has its own ratio
		return append(workColumns(s, "round trip", "round trips"),
			number("p99 alone us", "%.0f", func(r *Row) float64 { return r.P99Alone }),
			number("p99 change", "%.2f", func(r *Row) float64 { return r.P99Change }),
			number("RSS growth, KB", "%.0f", func(r *Row) float64 { return r.RSSGrowth / 1e3 }),
			number("taken from the slow one, KB", "%.0f", func(r *Row) float64 { return r.SlowTaken / 1e3 }))
	default:
		cs = workColumns(s, "round trip", "round trips")
	}
	_, steady := s.steady(&Figures{})
	for _, base := range bases {
		if slices.ContainsFunc(rows, func(r Row) bool { return r.Scenario == s.Name && r.Peer == base }) {
			cs = append(cs, ratio(steady, base))
		}
	}
	return cs
}

func idleColumns(s Scenario) []column {
	cs := []column{
		number("bytes per client", "%.0f", func(r *Row) float64 { return r.RSSPerConn }),
		number("slab per client, all processes", "%.0f", func(r *Row) float64 { return r.SlabPerConn }),
		number("CPU while idle, %", "%.2f", func(r *Row) float64 { return 100 * r.CPUShare }),
	}
	if s.TLS {
		cs = append(cs, count("threads", func(r *Row) int { return r.Threads }), count("goroutines", func(r *Row) int { return r.Goroutines }))
	}
	return cs
}

// workColumns are what each op costs and how long it takes. At a given rate the ticks by which CPU is split and the
// latencies beyond p99 are too few to be told.
func workColumns(s Scenario, op, ops string) []column {
	cs := []column{number("CPU us per "+op, "%.2f", func(r *Row) float64 { return r.CPUMicros })}
	if s.Rate == 0 {
		cs = append(cs,
			number("user", "%.2f", func(r *Row) float64 { return r.UserMicros }),
			number("system", "%.2f", func(r *Row) float64 { return r.SystemMicros }))
	}
	if s.Size >= 16<<10 {
		cs = append(cs, number("MB per CPU second", "%.0f", func(r *Row) float64 { return r.CPUBytes / 1e6 }))
	}
	cs = append(cs,
		number(ops+"/s", "%.0f", func(r *Row) float64 { return r.PerSecond }),
		number("p50 us", "%.0f", func(r *Row) float64 { return r.P50 }),
		number("p99 us", "%.0f", func(r *Row) float64 { return r.P99 }))
	if s.Rate == 0 {
		cs = append(cs, number("p99.9 us", "%.0f", func(r *Row) float64 { return r.P999 }))
	}
	return cs
}

func drainColumns() []column {
	return []column{
		number("clients back", "%.0f", func(r *Row) float64 { return float64(r.Back) }),
		number("all back after, s", "%.2f", func(r *Row) float64 { return r.BackIn }),
		number("longest gap, s", "%.2f", func(r *Row) float64 { return r.Gap }),
		number("messages unechoed", "%.0f", func(r *Row) float64 { return float64(r.Unechoed) }),
		number("attempts in vain", "%.0f", func(r *Row) float64 { return float64(r.Refusals) }),
		number("p99 ms", "%.1f", func(r *Row) float64 { return r.P99 / 1e3 }),
		{"close codes", func(r *Row) string { return closeFrames(r.Codes) }},
	}
}

// unaccounted columns of a peer that has no process of its own show nothing.
func (r *Row) unaccounted() bool { return r.CPUMicros == 0 && r.RSSPerConn == 0 }

// WriteTable writes one Markdown table for each scenario, padded so that it reads well as text too.
func (r *Report) WriteTable(w io.Writer) error {
	var b strings.Builder
	for _, s := range r.Scenarios {
		cs := columns(s, r.Rows)
		lines := [][]string{{"peer"}}
		for _, c := range cs {
			lines[0] = append(lines[0], c.title)
		}
		var notes []string
		for i := range r.Rows {
			if row := &r.Rows[i]; row.Scenario == s.Name {
				lines = append(lines, row.line(cs))
				if row.Bad > 0 {
					notes = append(notes, fmt.Sprintf("%s: %d of %d rounds failed: %s", row.Peer, row.Bad, row.Good+row.Bad, row.Err))
				}
			}
		}
		notes = append(notes, hurried(s, r.Rows)...)
		notes = append(notes, negotiations(s, r.Rows)...)
		fmt.Fprintf(&b, "### %s: %s\n\n", s.Name, s.Title)
		writeAligned(&b, lines)
		for _, note := range notes {
			fmt.Fprintf(&b, "\n%s\n", note)
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, strings.TrimSuffix(b.String(), "\n"))
	return err
}

// hurried names the peers that were quicker than the load.
func hurried(s Scenario, rows []Row) (notes []string) {
	var peers []string
	for _, row := range rows {
		if row.Scenario == s.Name && row.Saturated {
			peers = append(peers, row.Peer)
		}
	}
	if len(peers) > 0 {
		notes = append(notes, fmt.Sprintf("With %s the load ran short of processor time: rates and latencies there are its own.", strings.Join(peers, ", ")))
	}
	return notes
}

// negotiations says what the peers and the load agreed on: one line of all alike.
func negotiations(s Scenario, rows []Row) (notes []string) {
	var kinds []string
	peers := map[string][]string{}
	for _, row := range rows {
		if row.Scenario != s.Name || row.TLS == "" {
			continue
		}
		if peers[row.TLS] == nil {
			kinds = append(kinds, row.TLS)
		}
		peers[row.TLS] = append(peers[row.TLS], row.Peer)
	}
	for _, kind := range kinds {
		notes = append(notes, fmt.Sprintf("Negotiated with %s: %s.", strings.Join(peers[kind], ", "), kind))
	}
	return notes
}

func (r *Row) line(cs []column) []string {
	line := []string{r.Peer}
	for i, c := range cs {
		value := c.cell(r)
		switch {
		case r.Good == 0 && i == 0:
			value = "failed"
		case r.Good == 0, r.unaccounted() && accounted(c.title):
			value = "-"
		}
		line = append(line, value)
	}
	return line
}

// accounted reports whether a column tells of the measured process and not of the load.
func accounted(title string) bool {
	return strings.Contains(title, "CPU") || strings.HasPrefix(title, "bytes") || strings.HasPrefix(title, "RSS") || title == "user" || title == "system"
}

func writeAligned(b *strings.Builder, lines [][]string) {
	width := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for n, line := range lines {
		for i, cell := range line {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				fmt.Fprintf(b, "| %s%s |", cell, pad)
			} else {
				fmt.Fprintf(b, " %s%s |", pad, cell)
			}
		}
		b.WriteByte('\n')
		if n == 0 {
			for i := range line {
				if i == 0 {
					fmt.Fprintf(b, "| %s |", strings.Repeat("-", width[i]))
				} else {
					fmt.Fprintf(b, " %s: |", strings.Repeat("-", width[i]-1))
				}
			}
			b.WriteByte('\n')
		}
	}
}
