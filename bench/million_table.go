//go:build linux

package bench

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
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
	add("pause of the collector since the start: p99, longest", "%.2f, %.2f ms", m.PauseP99/1e3, m.LongestPause/1e3)
	goal("under 1 ms", m.Collections > 0 && m.LongestPause < goalPause)
	add("the load's busiest process ran, waited for a processor", "%.0f %%, %.0f %% of the time", 100*m.LoadBusy, 100*m.LoadStarved)
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

// GrowthRows are the points as a table, the first row its head.
func GrowthRows(points []Growth) [][]string {
	rows := [][]string{{"connections", "loops", "bytes per connection", "slab, both ends", "CPU us per handshake",
		"CPU while idle, %", "messages/s", "CPU us per message", "p50 us", "p99 us"}}
	for i := range points {
		g := &points[i]
		row := []string{strconv.Itoa(g.Conns), strconv.Itoa(g.Loops)}
		if g.Err != "" {
			rows = append(rows, append(row, "failed: "+g.Err, "-", "-", "-", "-", "-", "-", "-"))
			continue
		}
		for _, cell := range []struct {
			format string
			value  float64
		}{{"%.0f", g.RSSPerConn}, {"%.0f", g.SlabPerConn}, {"%.1f", g.HandshakeMicros}, {"%.2f", 100 * g.IdleShare},
			{"%.0f", g.PerSecond}, {"%.2f", g.CPUMicros}, {"%.0f", g.P50}, {"%.0f", g.P99}} {
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

// WriteGrowth prints the points as a table.
func WriteGrowth(w io.Writer, points []Growth) error {
	var b strings.Builder
	writeAligned(&b, GrowthRows(points))
	_, err := io.WriteString(w, b.String())
	return err
}

const (
	aboutMillion = "One weir in front of one backend that it reaches over pooled connections (RFC 8441), with the load in many processes, " +
		"all on this machine. Slab is the kernel's memory for both ends of a client's connection; only one of them is a gateway's " +
		"to pay for. Pauses and latency are those of a machine whose processors the load shares."
	aboutGrowth = "A fresh weir for each line, pooled as above and without pings. The same messages a second come from up to a " +
		"thousand clients, beside all the idle ones. More loops than asked for stand where the limit of open files demands them."
)

// WriteDocument puts the table into the document at path.
func (m *Million) WriteDocument(path string) error {
	return writeSection(path, millionSection, "## Very many sockets in one process",
		fmt.Sprintf("%s\n\nMeasured on %s: %s.", aboutMillion, m.When.UTC().Format("2 January 2006"), m.Machine.Where()), m.WriteTable)
}

// WriteGrowthDocument puts the points into the document at path, with links to what is drawn in the folder plots, if any is.
func WriteGrowthDocument(path, where, plots string, points []Growth) error {
	lead := aboutGrowth + "\n\n" + where
	if plots != "" {
		for _, p := range growthPictures(points) {
			lead += fmt.Sprintf("\n\n![%s](%s)", p.title, link(path, filepath.Join(plots, p.file)))
		}
	}
	return writeSection(path, growthSection, "## How cost grows with connections", lead, func(w io.Writer) error { return WriteGrowth(w, points) })
}

// writeSection replaces what stands between the marks of that name; a document without them gets them, under a
// heading, at its end.
func writeSection(path, name, heading, lead string, body func(io.Writer) error) error {
	head, tail, found, err := sides(path, name)
	if err != nil {
		return err
	}
	if !found {
		head, tail = strings.TrimLeft(strings.TrimRight(head, "\n")+"\n\n"+heading+"\n\n", "\n"), "\n"
	}
	begin, end := sectionMarks(name)
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s\n\n%s\n\n", head, begin, lead)
	if err := body(&b); err != nil {
		return err
	}
	fmt.Fprintf(&b, "\n%s%s", end, tail)
	return WriteFile(path, []byte(b.String()))
}

func sectionMarks(name string) (begin, end string) {
	return "<!-- " + name + ":begin -->", "<!-- " + name + ":end -->"
}

// sides are what stands before and behind the section of that name in the document at path, which may not be there.
func sides(path, name string) (head, tail string, found bool, err error) {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", "", false, err
	}
	begin, end := sectionMarks(name)
	head, rest, found := strings.Cut(string(old), begin)
	_, tail, closed := strings.Cut(rest, end)
	if found && !closed {
		return "", "", false, fmt.Errorf("%s: %s has no %s behind it", path, begin, end)
	}
	return head, tail, found, nil
}

// CheckSections tells, before anything is measured, whether the document at path can take the sections.
func CheckSections(path string) error {
	for _, name := range []string{millionSection, growthSection} {
		if _, _, _, err := sides(path, name); err != nil {
			return err
		}
	}
	return nil
}
