//go:build linux

package bench

import (
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Goals of one process with a million sockets.
const (
	goalMemory     = 600  // bytes of process memory a socket
	goalPause      = 1000 // microseconds of a garbage collector's pause
	goalGoroutines = 200
)

func asked(what string, met bool) string {
	if met {
		return what + ": met"
	}
	return what + ": NOT met"
}

// Names of the document's sections.
const (
	millionSection = "million"
	growthSection  = "growth"
)

// Rows are the figures as a table, the first row its head.
func (m *Million) Rows() [][]string {
	rows := [][]string{{"one process", "measured", "asked for"}}
	add := func(what, format string, a ...any) {
		rows = append(rows, []string{what, fmt.Sprintf(format, a...), ""})
	}
	goal := func(what string, met bool) { rows[len(rows)-1][2] = asked(what, met) }
	tables := ""
	if m.FileTables {
		tables = ", each with a table of open files of its own"
	}
	add("sockets held", "%d of %d", m.Held, m.Conns)
	add("failures", "%d", m.Failed)
	goal("none", m.Held == m.Conns && m.Failed == 0)
	add("event loops", "%d%s", m.Loops, tables)
	add("threads, goroutines", "%d, %d", m.Threads, m.Goroutines)
	goal(fmt.Sprintf("under %d goroutines", goalGoroutines), m.Goroutines > 0 && m.Goroutines < goalGoroutines)
	add("time to open", "%.0f s, %.0f a second", m.OpenSeconds, float64(m.Held)/max(m.OpenSeconds, 1e-9))
	add("CPU of a handshake", "%.1f us", m.HandshakeMicros)
	add("process memory of a socket", "%.0f bytes", m.RSSPerConn)
	goal(fmt.Sprintf("at most %d bytes", goalMemory), m.RSSPerConn > 0 && m.RSSPerConn <= goalMemory)
	add("kernel slab of a socket, both of its ends", "%.0f bytes", m.SlabPerConn)
	idle := "all idle"
	if m.PingSeconds > 0 {
		idle = fmt.Sprintf("all idle and pinged every %g s (%.0f pings/s answered)", m.PingSeconds, m.PingsPerSecond)
	}
	add("CPU, "+idle, "%.1f %% of one processor", 100*m.IdleShare)
	add(fmt.Sprintf("%d of them at %g messages/s, the rest idle", m.Talkers, m.MessageRate), "%.0f messages/s", m.PerSecond)
	add("CPU of such a message, beyond the idle one", "%.1f us", m.MessageMicros)
	add("echo latency from when it was due: p50, p99, p99.9", "%.0f, %.0f, %.0f us", m.P50, m.P99, m.P999)
	add("garbage collections, their share of CPU", "%d, %.1f %%", m.Collections, 100*m.CollectionShare)
	add("pause of the collector: longest with all of them open", "%.2f ms", m.StandingPause/1e3)
	add("pause of the collector: longest since the start", "%.2f ms", m.LongestPause/1e3)
	goal("under 1 ms", m.Collections > 0 && m.LongestPause < goalPause)
	add("CPU of the load, all its processes; the most that one waited for a processor", "%.0f %% of one processor; %.0f %% of the time", 100*m.LoadCPU, 100*m.LoadStarved)
	add("time to drain after SIGTERM", "%.1f s", m.DrainSeconds)
	add("close frames the clients got", "%s", closeFrames(m.Closed))
	return rows
}

func closeFrames(closed map[int]int) string {
	var kinds []string
	for _, code := range slices.Sorted(maps.Keys(closed)) {
		kinds = append(kinds, fmt.Sprintf("%d x %d", closed[code], code))
	}
	if len(kinds) == 0 {
		return "none"
	}
	return strings.Join(kinds, ", ")
}

// Rows are the points as a table, the first row its head.
func (g *Grown) Rows() [][]string {
	rows := [][]string{{"connections", "loops", "bytes per connection", "slab, both ends", "CPU us per handshake",
		"CPU while idle, %", "messages/s", "CPU us per message", "p50 us", "p99 us"}}
	for i := range g.Points {
		at := &g.Points[i]
		row := []string{strconv.Itoa(at.Conns), strconv.Itoa(at.Loops)}
		if at.Err != "" {
			rows = append(rows, append(row, "failed: "+at.Err, "-", "-", "-", "-", "-", "-", "-"))
			continue
		}
		for _, cell := range []struct {
			format string
			value  float64
		}{{"%.0f", at.RSSPerConn}, {"%.0f", at.SlabPerConn}, {"%.1f", at.HandshakeMicros}, {"%.2f", 100 * at.IdleShare},
			{"%.0f", at.PerSecond}, {"%.2f", at.CPUMicros}, {"%.0f", at.P50}, {"%.0f", at.P99}} {
			row = append(row, fmt.Sprintf(cell.format, cell.value))
		}
		rows = append(rows, row)
	}
	return rows
}

// WriteTable prints the figures and what went wrong.
func (m *Million) WriteTable(w io.Writer) error {
	var b strings.Builder
	writeAligned(&b, m.Rows())
	if m.Err != "" {
		fmt.Fprintf(&b, "\nNot all was measured: %s\n", m.Err)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteTable prints the points as a table.
func (g *Grown) WriteTable(w io.Writer) error {
	var b strings.Builder
	writeAligned(&b, g.Rows())
	_, err := io.WriteString(w, b.String())
	return err
}

const (
	aboutMillion = "One weir in front of one backend that it reaches over pooled connections (RFC 8441), with the load in many processes, " +
		"all on this machine. Slab is the kernel's memory for both ends of a client's connection; only one of them is a gateway's " +
		"to pay for. Pauses and latency are those of a machine whose processors the load shares."
	aboutGrowth = "A fresh weir for each line, pooled as above and without pings. The same messages a second come from up to a " +
		"thousand clients, beside all the idle ones. More loops than asked for stand where the limit of open files demands them; from there on both change at once."
)

// WriteDocument puts the table into the document at path.
func (m *Million) WriteDocument(path string) error {
	return writeSection(path, millionSection, "## Very many sockets in one process",
		aboutMillion+"\n\n"+m.Machine.measured(m.When), m.WriteTable)
}

// WriteDocument puts the points into the document at path, with links to what is drawn in the folder plots, if any is.
func (g *Grown) WriteDocument(path, plots string) error {
	lead := aboutGrowth + "\n\n" + g.Machine.measured(g.When)
	if plots != "" {
		for _, p := range g.pictures() {
			lead += fmt.Sprintf("\n\n![%s](%s)", p.title, link(path, filepath.Join(plots, p.file)))
		}
	}
	return writeSection(path, growthSection, "## How cost grows with connections", lead, g.WriteTable)
}

// writeSection replaces what stands between the marks of that name; a document without them gets them, under a
// heading, at its end.
func writeSection(path, name, heading, lead string, body func(io.Writer) error) error {
	head, tail, found, err := sides(path, name, "")
	if err != nil {
		return err
	}
	if !found {
		head, tail = strings.TrimLeft(strings.TrimRight(head, "\n")+"\n\n"+heading+"\n\n", "\n"), "\n"
	}
	begin, end := marks(name)
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s\n\n%s\n\n", head, begin, lead)
	if err := body(&b); err != nil {
		return err
	}
	fmt.Fprintf(&b, "\n%s%s", end, tail)
	return WriteFile(path, []byte(b.String()))
}

// CheckSections tells, before anything is measured, whether the document at path can take the sections.
func CheckSections(path string) error {
	for _, name := range []string{millionSection, growthSection} {
		if _, _, _, err := sides(path, name, ""); err != nil {
			return err
		}
	}
	return nil
}
