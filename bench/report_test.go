//go:build linux

package bench

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func sample() *Report {
	scenarios := []Scenario{
		{Name: "e", Title: "echo", Kind: KindEcho, Size: 125},
		{Name: "i", Title: "idle", Kind: KindIdle},
	}
	cpu := func(peer string, round int, us float64) Cell {
		return Cell{Scenario: "e", Peer: peer, Round: round, Figures: Figures{Ops: 10, CPUMicros: us, P99: us * 10}}
	}
	cells := []Cell{
		cpu("direct", 1, 0), cpu("L4 relay", 1, 20), cpu("nginx", 1, 40), cpu("weir", 1, 30),
		cpu("direct", 2, 0), cpu("L4 relay", 2, 24), cpu("nginx", 2, 50), cpu("weir", 2, 33),
		cpu("direct", 3, 0), cpu("L4 relay", 3, 22), {Scenario: "e", Peer: "nginx", Round: 3, Err: "ended (signal: killed)"}, cpu("weir", 3, 99),
		{Scenario: "i", Peer: "nginx", Round: 1, Err: "no such file"},
		{Scenario: "i", Peer: "weir", Round: 1, Figures: Figures{Ops: 8000, RSSPerConn: 600}},
	}
	return &Report{
		When: time.Unix(0, 0), Machine: Machine{CPU: "Test CPU", Cores: 2, Kernel: "Linux 6", Versions: map[string]string{"nginx": "1.2"}},
		Rounds: 3, Seconds: 5, Scenarios: scenarios, Cells: cells, Rows: Summarise(scenarios, cells),
	}
}

func TestSummarise(t *testing.T) {
	want := []struct {
		peer    string
		good    int
		cpu     float64
		toNginx float64
		toRelay float64
	}{
		{"direct", 3, 0, 0, 0},
		{"L4 relay", 3, 22, 0.49, 1},
		{"nginx", 2, 45, 1, 2.0417}, // the failed round does not count
		{"weir", 3, 33, 0.705, 1.5},
		{"nginx", 0, 0, 0, 0},
		{"weir", 1, 0, 0, 0}, // nothing to compare with
	}
	rows := sample().Rows
	if len(rows) != len(want) {
		t.Fatalf("%d rows, want %d", len(rows), len(want))
	}
	for i, w := range want {
		r := rows[i]
		if r.Peer != w.peer || r.Good != w.good || r.CPUMicros != w.cpu ||
			math.Abs(r.Ratios["nginx"]-w.toNginx) > 1e-4 || math.Abs(r.Ratios["L4 relay"]-w.toRelay) > 1e-4 {
			t.Errorf("row %d: %s good %d cpu %v ratios %v %v; want %+v", i, r.Peer, r.Good, r.CPUMicros, r.Ratios["nginx"], r.Ratios["L4 relay"], w)
		}
	}
	if rows[3].P99 != 330 {
		t.Errorf("p99 %v, want the median 330", rows[3].P99)
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	report := sample()
	if err := report.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	const want = `### e: echo

| peer     | CPU us per round trip | user | system | round trips/s | p50 us | p99 us | p99.9 us | CPU to nginx | CPU to L4 relay | CPU to weir |
| -------- | --------------------: | ---: | -----: | ------------: | -----: | -----: | -------: | -----------: | --------------: | ----------: |
| direct   |                     - |    - |      - |             0 |      0 |      0 |        0 |            - |               - |           - |
| L4 relay |                 22.00 | 0.00 |   0.00 |             0 |      0 |    220 |        0 |         0.49 |            1.00 |        0.67 |
| nginx    |                 45.00 | 0.00 |   0.00 |             0 |      0 |    450 |        0 |         1.00 |            2.04 |        1.42 |
| weir     |                 33.00 | 0.00 |   0.00 |             0 |      0 |    330 |        0 |         0.71 |            1.50 |        1.00 |

nginx: 1 of 3 rounds failed: ended (signal: killed)

### i: idle

| peer  | bytes per client | slab per client, all processes | CPU while idle, % | memory to nginx | memory to weir |
| ----- | ---------------: | -----------------------------: | ----------------: | --------------: | -------------: |
| nginx |           failed |                              - |                 - |               - |              - |
| weir  |              600 |                              0 |              0.00 |               - |           1.00 |

nginx: 1 of 1 rounds failed: no such file
`
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
	if err := report.Failed(); err == nil || !strings.Contains(err.Error(), "nginx in i: no such file") {
		t.Errorf("Failed = %v", err)
	}
}

// What a scenario is about decides what its table shows and what the ratios are of.
func TestColumns(t *testing.T) {
	rows := []Row{{Scenario: "s", Peer: "HAProxy pool"}, {Scenario: "other", Peer: "nginx"}}
	for _, tc := range []struct {
		scenario Scenario
		shows    string
		lacks    string
	}{
		{Scenario{Kind: KindEcho}, "CPU to HAProxy pool", "MB per CPU second"},
		{Scenario{Kind: KindEcho, Size: 64 << 10}, "MB per CPU second", "p99 change"},
		{Scenario{Kind: KindEcho, Rate: 100}, "p99 to HAProxy pool", "CPU to HAProxy pool"},
		{Scenario{Kind: KindEcho}, "user; system; round trips/s; p50 us; p99 us; p99.9 us", "MB"},
		{Scenario{Kind: KindEcho, Rate: 100}, "CPU us per round trip; round trips/s; p50 us; p99 us; p99 to", "p99.9"},
		{Scenario{Kind: KindStorm}, "CPU us per handshake", "round trip"},
		{Scenario{Kind: KindHTTP}, "CPU us per request; user; system; requests/s", "round trip"},
		{Scenario{Kind: KindSlow}, "p99 change", "to HAProxy pool"},
		{Scenario{Kind: KindIdle}, "memory to HAProxy pool", "p99"},
		{Scenario{Kind: KindFanout}, "CPU us per delivery; user; system; deliveries/s", "round trip"},
		{Scenario{Kind: KindChurn}, "RSS after, KB; CPU to HAProxy pool", "round trip"},
		{Scenario{Kind: KindDrain, Rate: 2}, "all back after, s; longest gap, s; messages unechoed", "to HAProxy pool"},
	} {
		tc.scenario.Name = "s"
		var titles []string
		for _, c := range columns(tc.scenario, rows) {
			titles = append(titles, c.title)
		}
		all := strings.Join(titles, "; ")
		if !strings.Contains(all, tc.shows) || strings.Contains(all, tc.lacks) || strings.Contains(all, "nginx") {
			t.Errorf("%+v: %s; want %q and not %q", tc.scenario, all, tc.shows, tc.lacks)
		}
	}
}

// Where the load set the pace, the table says so, once for all such peers.
func TestTableOfAHurriedLoad(t *testing.T) {
	s := Scenario{Name: "s", Kind: KindEcho}
	var cells []Cell
	for peer, saturated := range map[string]bool{"a": true, "b": false, "c": true} {
		for round := range 3 {
			cells = append(cells, Cell{Scenario: "s", Peer: peer, Round: round + 1, Figures: Figures{Ops: 1, Saturated: saturated && round == 1}})
		}
	}
	slices.SortFunc(cells, func(a, b Cell) int { return strings.Compare(a.Peer, b.Peer) })
	var b strings.Builder
	report := Report{Scenarios: []Scenario{s, {Name: "other", Kind: KindEcho}}, Rows: Summarise([]Scenario{s}, cells)}
	const want = "\nWith a, c the load ran short of processor time: rates and latencies there are its own.\n"
	if err := report.WriteTable(&b); err != nil || strings.Count(b.String(), want) != 1 || strings.Count(b.String(), "short of") != 1 {
		t.Errorf("%v, want one %q in\n%s", err, want, b.String())
	}
}

// A table over TLS says what was negotiated, once for all peers that are alike.
func TestTableOverTLS(t *testing.T) {
	s := Scenario{Name: "t", Title: "tls", Kind: KindIdle, TLS: true}
	cell := func(peer, session string, goroutines int) Cell {
		return Cell{Scenario: "t", Peer: peer, Round: 1, Figures: Figures{Ops: 1, RSSPerConn: 9, Threads: 2, Goroutines: goroutines, TLS: session}}
	}
	cells := []Cell{cell("a", "TLS 1.3", 0), cell("b", "TLS 1.2", 0), cell("c", "TLS 1.3", 7)}
	var b strings.Builder
	report := Report{Rounds: 1, Scenarios: []Scenario{s}, Cells: cells, Rows: Summarise([]Scenario{s}, cells)}
	if err := report.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	const want = `### t: tls

| peer | bytes per client | slab per client, all processes | CPU while idle, % | threads | goroutines |
| ---- | ---------------: | -----------------------------: | ----------------: | ------: | ---------: |
| a    |                9 |                              0 |              0.00 |       2 |          - |
| b    |                9 |                              0 |              0.00 |       2 |          - |
| c    |                9 |                              0 |              0.00 |       2 |          7 |

Negotiated with a, c: TLS 1.3.

Negotiated with b: TLS 1.2.
`
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
}

func TestDocument(t *testing.T) {
	path := filepath.Join(t.TempDir(), "BENCHMARKS.md")
	report := sample()
	if err := report.WriteDocument(path, Beside{}); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"# Benchmarks", "2 x Test CPU, Linux 6; nginx 1.2", "| weir ", "<!-- bench:begin -->", "<!-- bench:end -->"} {
		if strings.Count(string(first), part) == 0 {
			t.Errorf("the document lacks %q", part)
		}
	}
	edited := strings.Replace(string(first), "# Benchmarks", "# Mine", 1) + "Mine too.\n"
	if err := os.WriteFile(path, []byte(edited), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := report.WriteDocument(path, Beside{}); err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(path)
	if err != nil || string(second) != edited {
		t.Errorf("a second writing changed more than the tables: %v\n%s", err, second)
	}
	if err := os.WriteFile(path, []byte("no marks"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{CheckDocument(path), report.WriteDocument(path, Beside{})} {
		if err == nil {
			t.Error("a document without marks was taken")
		}
	}
}

// A document links to what was written beside it, from where it stands.
func TestIllustratedDocument(t *testing.T) {
	dir := t.TempDir()
	report := &Report{Rounds: 3, Seconds: 1, Scenarios: []Scenario{
		{Name: "echo125", Kind: KindEcho}, {Name: "open100", Kind: KindEcho, Rate: 10, Least: 5 * time.Second}, {Name: "idle", Kind: KindIdle},
		{Name: "storm", Kind: KindStorm}, {Name: "drain", Kind: KindDrain, Once: true},
	}}
	var cells []Cell
	for _, s := range report.Scenarios {
		cells = append(cells,
			Cell{Scenario: s.Name, Peer: "direct", Round: 1, Figures: Figures{P50: 1, P90: 2, P99: 3, P999: 4}},
			Cell{Scenario: s.Name, Peer: "weir", Round: 1, Figures: Figures{
				CPUMicros: 5, RSSPerConn: 500, P50: 2, P90: 3, P99: 4, P999: 5, Back: 3, BackIn: 0.2, Returns: []int{1, 2, 0, 0}, Codes: map[int]int{1001: 3},
			}})
	}
	report.Fill(cells)
	plots := filepath.Join(dir, "bench", "plots")
	path := filepath.Join(dir, "BENCHMARKS.md")
	err := errors.Join(report.WritePlots(plots), report.WriteDocument(path, Beside{Plots: plots, Data: filepath.Join(dir, "bench", "results.json")}))
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"[results.json](bench/results.json)", "Medians of 3 rounds of 1 s for each cell (5 s in open100), but one of drain.",
		"](bench/plots/echo125.svg)", "](bench/plots/open100.svg)", "](bench/plots/idle.svg)", "](bench/plots/storm.svg)", "](bench/plots/drain.svg)",
		"### What was asked of it", "3 x 1001 |",
	} {
		if !strings.Contains(string(b), part) {
			t.Errorf("no %q in\n%s", part, b)
		}
	}
	drawn, err := filepath.Glob(plots + "/*.svg")
	if err != nil || len(drawn) != 5 {
		t.Errorf("%d pictures, %v", len(drawn), err)
	}
}

func TestGrowthPlots(t *testing.T) {
	dir := t.TempDir()
	points := []Growth{
		{Conns: 1000, Loops: 1, Figures: Figures{CPUMicros: 4, RSSPerConn: 700}}, {Conns: 1000, Loops: 2, Figures: Figures{CPUMicros: 5, RSSPerConn: 800}},
		{Conns: 1_000_000, Loops: 60, Figures: Figures{CPUMicros: 6, RSSPerConn: 560}}, {Conns: 10_000, Loops: 1, Err: "died"},
	}
	if err := (&Grown{Points: points}).WritePlots(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"growth-cpu.svg", "growth-memory.svg"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		for _, part := range []string{">1 loop<", ">2 loops<", ">60 loops<", ">1M<"} {
			if err != nil || !strings.Contains(string(b), part) {
				t.Errorf("%s: %v, no %q", name, err, part)
			}
		}
	}
	if err := (&Grown{Points: points[3:]}).WritePlots(dir); err == nil {
		t.Error("nothing was drawn without a word")
	}
}

// What precedes the figures in the project's own document is what a new one begins with.
func TestIntroduction(t *testing.T) {
	b, err := os.ReadFile("../BENCHMARKS.md")
	if err != nil {
		t.Fatal(err)
	}
	begin, _ := marks(reportSection)
	head, _, _ := strings.Cut(string(b), begin)
	if want, _, _ := strings.Cut(intro, begin); head != want {
		t.Error("the heads of BENCHMARKS.md and bench/intro.md differ: copy the one over the other")
	}
}

func TestMediansOfEveryField(t *testing.T) {
	a := Figures{Ops: 1, CPUMicros: 1, Threads: 1, Saturated: true, TLS: "first"}
	b := Figures{Ops: 4, CPUMicros: 2, Threads: 3, TLS: "second"}
	m := medians([]Figures{a, b, b})
	if m.Ops != 4 || m.CPUMicros != 2 || m.Threads != 3 || !m.Saturated || m.TLS != "first" {
		t.Errorf("%+v", m)
	}
}

func TestVersion(t *testing.T) {
	for in, want := range map[string]string{
		"nginx version: nginx/1.22.1\n":            "1.22.1",
		"HAProxy version 2.6.12-1+deb12u4 2026/10": "2.6.12",
		"v2.11.9 h1:abc=":                          "2.11.9",
		"Version:      3.6.2\nCodename:     ramequin\nGo version:   go1.25.4\n": "3.6.2",
		"\nenvoy  version: 8a3fd1/1.36.2/Clean/RELEASE/BoringSSL\n":             "1.36.2",
		"2026/11/23 09:00:00 INFO: words\nweir dev, go1.26.8 linux/amd64\n":     "dev",
		"weir v1.2.3, go1.26.8 linux/amd64, 0123456789abcdef0123\n":             "v1.2.3 (0123456789ab)",
		"nothing": "unknown",
		"v":       "unknown",
	} {
		if got := version(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestSelectScenarios(t *testing.T) {
	if s, err := SelectScenarios([]string{"idle", "echo125"}); err != nil || len(s) != 2 || s[0].Name != "idle" {
		t.Errorf("%v, %v", s, err)
	}
	if s, err := SelectScenarios([]string{"all"}); err != nil || len(s) != len(Scenarios()) {
		t.Errorf("%v, %v", s, err)
	}
	if _, err := SelectScenarios([]string{"nope"}); err == nil || !strings.Contains(err.Error(), "echo125") {
		t.Errorf("%v, want the known names", err)
	}
}
