package observe

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"weir/internal/prom"
)

// metric is a row of the table that defines each metric once. # HELP, # TYPE and the table of the manual are made of it.
type metric struct {
	name   string
	kind   kind
	labels []string
	help   string // in plain words, without a full stop; code in backquotes
	from   source
}

type kind string

const (
	counter   kind = "counter"
	gauge     kind = "gauge"
	histogram kind = "histogram"
)

// source writes a metric's samples. Where the values of labels are known beforehand, all are there from the start: what
// begins with its first event is a counter whose first step rate() never sees.
type source func(s *Scrape, out *exposition)

// exposition is metrics in Prometheus' text format.
type exposition struct {
	text bytes.Buffer
	row  *metric
}

// begin writes # HELP and # TYPE, also of a metric that has no sample yet.
func (e *exposition) begin(row *metric) {
	e.row = row
	fmt.Fprintf(&e.text, "# HELP %s %s\n# TYPE %[1]s %[3]s\n", row.name, strings.ReplaceAll(row.help, "`", ""), row.kind)
}

// escaper writes values of labels, in which only these three are special.
var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// sample writes one, with the values of its labels in the order of the row.
func (e *exposition) sample(value float64, labels ...string) {
	e.text.WriteString(e.row.name)
	for i, v := range labels {
		e.text.WriteString([]string{"{", ","}[min(i, 1)] + e.row.labels[i] + `="` + escaper.Replace(v) + `"`)
	}
	if len(labels) > 0 {
		e.text.WriteByte('}')
	}
	e.text.WriteByte(' ')
	e.text.Write(strconv.AppendFloat(e.text.AvailableBuffer(), value, 'f', -1, 64))
	e.text.WriteByte('\n')
}

// timing writes a histogram's samples.
func (e *exposition) timing(h *prom.Histogram) {
	e.text.Write(h.Append(e.text.AvailableBuffer(), e.row.name))
}

// MetricsTable is the table of all metrics for the manual, in Markdown.
func MetricsTable() string {
	var b strings.Builder
	b.WriteString("| Metric | Type | Labels | |\n| --- | --- | --- | --- |\n")
	for _, row := range metricTable {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", row.name, row.kind, strings.Join(row.labels, ", "), row.help)
	}
	return b.String()
}
