package deploytest

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"weir/gateway/config"
	"weir/gateway/observe"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(top + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var quoted = regexp.MustCompile("`([^`]+)`")

// rows maps each name in the first column of a page's tables, or of the part of it between two texts, to the second cell of its row.
func rows(t *testing.T, page, from, to string) map[string]string {
	t.Helper()
	_, text, found := strings.Cut(read(t, page), from)
	if !found {
		t.Fatalf("%s has no %q", page, from)
	}
	if to != "" {
		text, _, _ = strings.Cut(text, to)
	}
	rows := map[string]string{}
	for line := range strings.Lines(text) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		for _, name := range quoted.FindAllStringSubmatch(cells[1], -1) {
			if _, twice := rows[name[1]]; twice {
				t.Errorf("%s tells %s twice", page, name[1])
			}
			rows[name[1]] = strings.TrimSpace(cells[2])
		}
	}
	return rows
}

const handshakesTitle = "## TLS handshakes that failed"

func TestReferenceIsGenerated(t *testing.T) {
	for page, text := range map[string]string{
		"knobs.md": config.KnobsPage(), "metrics.md": observe.MetricsPage(), "reasons.md": observe.ReasonsPage(), "logs.md": observe.LogsPage(),
	} {
		if read(t, "docs/reference/"+page) != text {
			t.Errorf("docs/reference/%s is not what the code says: run go generate ./gateway/config", page)
		}
	}
}

func TestReferenceHasEveryMetric(t *testing.T) {
	told, names := rows(t, "docs/reference/metrics.md", "| --- |", ""), metricNames(t)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if _, ok := told[name]; strings.HasPrefix(name, "weir_") && !ok {
			t.Errorf("/metrics has %s, the manual has no row for it", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(told)) {
		if !names[name] {
			t.Errorf("the manual has %s, /metrics does not", name)
		}
	}
}

func TestReferenceHasEveryReason(t *testing.T) {
	told, reasons := rows(t, "docs/reference/reasons.md", "| --- |", handshakesTitle), reasonsInCode(t)
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		answer, ok := told[reason]
		if !ok {
			t.Errorf("the code has the reason %s (%s), the manual has no row for it", reason, reasons[reason])
		} else if want := reasons[reason]; want != "" && !strings.Contains(answer, want) {
			t.Errorf("the manual has %q beside %s, the code %s", answer, reason, want)
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(told)) {
		if _, ok := reasons[reason]; !ok {
			t.Errorf("the manual has the reason %s, the code does not", reason)
		}
	}
}

func TestReferenceHasEveryHandshakeFailure(t *testing.T) {
	told, failures := rows(t, "docs/reference/reasons.md", handshakesTitle, ""), handshakeFailures()
	for _, reason := range slices.Sorted(maps.Keys(failures)) {
		if _, ok := told[reason]; !ok {
			t.Errorf("TLS may fail for %s, the manual has no row for it", reason)
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(told)) {
		if !failures[reason] {
			t.Errorf("the manual has TLS fail for %s, the code does not", reason)
		}
	}
}
