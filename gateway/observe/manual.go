package observe

import (
	"fmt"
	"strings"
)

// The pages of the manual that are made of the definitions in this package; go generate ./gateway/config writes them.

const metricsIntro = `# Metrics

For people who write queries, alerts and dashboards. ` + "`GET /metrics`" + ` on the admin listener answers in Prometheus' text format.

A series whose labels have a known list of values exists from the start, with the value 0, so ` + "`rate()` and `increase()`" + ` see the first event.
Message counters are kept per event loop and summed when read. ` + "`process_*` and `go_*`" + ` (the process and Go's runtime) come in addition.

`

// MetricsPage is docs/reference/metrics.md.
func MetricsPage() string { return metricsIntro + MetricsTable() }

const reasonsIntro = `# Reasons

For people who read logs, metrics and close frames. Every refusal, close and drop has one reason. The same name is the log's field ` + "`reason`" + `,
the metrics' label and the text of the gateway's close frames.

The column "Answer" holds what the client gets. Three digits are the HTTP status of a refused request, counted in ` + "`weir_sessions_refused_total`" + `, for plain
requests also in ` + "`weir_http_failures_total`" + `. Four digits are a close code, counted in ` + "`weir_sessions_closed_total`" + `. "none": the connection is closed without an answer.

`

const handshakesIntro = `
## TLS handshakes that failed

The label ` + "`reason` of `weir_tls_handshake_failures_total`" + ` says why a TLS handshake with a client failed.

`

// ReasonsPage is docs/reference/reasons.md.
func ReasonsPage() string {
	var b strings.Builder
	b.WriteString(reasonsIntro + "| Reason | Answer | Meaning, and what to do |\n| --- | --- | --- |\n")
	for _, r := range reasonTable {
		if r.names == "" {
			fmt.Fprintf(&b, "| **%s** | | |\n", r.meaning)
			continue
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", quotedNames(r.names), r.answer, r.meaning)
	}
	b.WriteString(handshakesIntro + "| Reason | Meaning, and what to do |\n| --- | --- |\n")
	for _, r := range handshakeTable {
		fmt.Fprintf(&b, "| %s | %s |\n", quotedNames(r.names), r.meaning)
	}
	return b.String()
}

const logsIntro = `# Log fields

For people who search logs or feed them to other tools. Lines go to standard error, as text (` + "`access-log: text`" + `) or JSON (` + "`json`" + `); in JSON a duration is a
number of nanoseconds.

A field in *italics* is left out while its value is unknown or does not apply. Query strings are never logged, because they may hold tokens.

The lines below are written at level info: with a higher ` + "`log-level`" + ` there are none of them. Refusals and plain requests are always logged, except clients that left
first or were turned away far beyond ` + "`max-connections`" + `. Other lines report each change of a backend or its addresses, pooled connections that broke with sessions on
them, and each certificate that was renewed or could not be. What a client or a broken server could repeat endlessly is logged every ten seconds at most, and counted.
If nobody reads standard error fast enough, lines are dropped and counted in ` + "`weir_log_lines_dropped_total`" + `.

`

// LogsPage is docs/reference/logs.md.
func LogsPage() string {
	var b strings.Builder
	b.WriteString(logsIntro)
	for _, l := range logTable {
		fmt.Fprintf(&b, "## `%s`\n\n%s\n\n| Field | Value |\n| --- | --- |\n", l.line, l.when)
		for _, f := range l.fields {
			name := "`" + f.name + "`"
			if f.optional {
				name = "*" + name + "*"
			}
			fmt.Fprintf(&b, "| %s | %s |\n", name, f.value)
		}
		b.WriteByte('\n')
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func quotedNames(names string) string { return "`" + strings.ReplaceAll(names, " ", "`, `") + "`" }
