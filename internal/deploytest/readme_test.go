package deploytest

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
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

// table maps each name in the first column of the README's table of that mark to the second cell of its row.
func table(t *testing.T, mark string) map[string]string {
	t.Helper()
	_, rest, found := strings.Cut(read(t, "README.md"), "<!-- "+mark+":begin -->\n")
	body, _, ended := strings.Cut(rest, "<!-- "+mark+":end -->")
	if !found || !ended {
		t.Fatalf("README.md has no table between the marks %s:begin and %[1]s:end", mark)
	}
	rows := map[string]string{}
	for line := range strings.Lines(body) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		for _, name := range quoted.FindAllStringSubmatch(cells[1], -1) {
			if _, twice := rows[name[1]]; twice {
				t.Errorf("README.md tells %s twice", name[1])
			}
			rows[name[1]] = strings.TrimSpace(cells[2])
		}
	}
	return rows
}

func TestReadmeTellsEveryMetric(t *testing.T) {
	if !strings.Contains(read(t, "README.md"), observe.MetricsTable()) {
		t.Error("the table of metrics in README.md is not that of the code: run go generate ./gateway/config")
	}
	told, names := table(t, "metrics"), metricNames(t)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if _, ok := told[name]; strings.HasPrefix(name, "weir_") && !ok {
			t.Errorf("/metrics has %s, README.md has no row for it", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(told)) {
		if !names[name] {
			t.Errorf("README.md has %s, /metrics does not", name)
		}
	}
}

func TestReadmeTellsEveryReason(t *testing.T) {
	told, reasons := table(t, "reasons"), reasonsInCode(t)
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		answer, ok := told[reason]
		if !ok {
			t.Errorf("the code has the reason %s (%s), README.md has no row for it", reason, reasons[reason])
		} else if want := reasons[reason]; want != "" && !strings.Contains(answer, want) {
			t.Errorf("README.md has %q beside %s, the code %s", answer, reason, want)
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(told)) {
		if _, ok := reasons[reason]; !ok {
			t.Errorf("README.md has the reason %s, the code does not", reason)
		}
	}
}

func TestReadmeTellsEveryHandshakeFailure(t *testing.T) {
	told, failures := table(t, "tls-failures"), handshakeFailures()
	for _, reason := range slices.Sorted(maps.Keys(failures)) {
		if _, ok := told[reason]; !ok {
			t.Errorf("TLS may fail for %s, README.md has no row for it", reason)
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(told)) {
		if !failures[reason] {
			t.Errorf("README.md has TLS fail for %s, the code does not", reason)
		}
	}
}
