//go:build linux

package bench

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFit(t *testing.T) {
	ample := room{memory: 64e9, files: 20_000, system: 4e6}
	for name, tc := range map[string]struct {
		plan             Many
		of               func(*room)
		loops, processes int // what comes of it
		tables           bool
		lacks            []string
	}{
		"a million":             {plan: Many{Conns: 1_000_000}, loops: 60, processes: 53, tables: true},
		"within one table":      {plan: Many{Conns: 19_000, Loops: 2}, loops: 2, processes: 2},
		"just above one table":  {plan: Many{Conns: 19_745, Loops: 2}, loops: 2, processes: 2, tables: true},
		"few":                   {plan: Many{Conns: 1, Loops: 1}, loops: 1, processes: 1},
		"where limits are high": {plan: Many{Conns: 1_000_000, Loops: 2}, of: func(r *room) { r.files = 4e6 }, loops: 2, processes: 53},
		"too many by far":       {plan: Many{Conns: 1 << 40}, lacks: []string{"GB of memory", "fs.file-max", "load processes are needed"}},
		"little memory":         {plan: Many{Conns: 1_000_000}, of: func(r *room) { r.memory = 13e9 }, lacks: []string{"14.0 GB of memory", "13.0 GB are available"}},
		"few files in all":      {plan: Many{Conns: 100_000}, of: func(r *room) { r.system = 200_000 }, lacks: []string{"raise fs.file-max"}},
		"too few processes":     {plan: Many{Conns: 100_000, Processes: 5}, lacks: []string{"use --processes 6"}},
		"too few loops":         {plan: Many{Conns: 100_000, Loops: 5}, lacks: []string{"use --loops 6"}},
		"hardly any descriptor": {plan: Many{Conns: 100}, of: func(r *room) { r.files = spareFiles }, lacks: []string{"ulimit -Hn"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := ample
			if tc.of != nil {
				tc.of(&r)
			}
			tables, err := tc.plan.fit(r)
			if len(tc.lacks) == 0 {
				if err != nil || tables != tc.tables || tc.plan.Loops != tc.loops || tc.plan.Processes != tc.processes {
					t.Errorf("%d loops (tables: %t), %d processes, %v", tc.plan.Loops, tables, tc.plan.Processes, err)
				}
				return
			}
			if err == nil {
				t.Fatal("it fits")
			}
			for _, want := range tc.lacks {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
		})
	}
}

func TestReadRoom(t *testing.T) {
	r, err := readRoom()
	if err != nil || r.memory < 1<<20 || r.files < 64 || r.system == 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestScrape(t *testing.T) {
	body := "# HELP x words\ngo_goroutines 12\nbroken\n"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(body)) }))
	defer server.Close()
	found, err := scrape(t.Context(), netip.MustParseAddrPort(server.Listener.Addr().String()))
	if err != nil || found["go_goroutines"] != 12 {
		t.Fatalf("%v, %v", found, err)
	}
	server.Close()
	if _, err := scrape(t.Context(), netip.MustParseAddrPort(server.Listener.Addr().String())); err == nil {
		t.Error("nobody answered, and that is no error")
	}
}

func TestMillionJudgesItself(t *testing.T) {
	met := Million{Growth: Growth{Conns: 10, Held: 10, Figures: Figures{RSSPerConn: 600, Goroutines: 199}}, Collections: 1, LongestPause: 999}
	missed := Million{Growth: Growth{Conns: 10, Held: 9, Failed: 1, Figures: Figures{RSSPerConn: 601, Goroutines: 200}}, Collections: 1, LongestPause: 1000}
	for want, m := range map[string]*Million{": met": &met, ": NOT met": &missed, ": NOT met ": {Growth: Growth{Conns: 1}}} {
		judged := 0
		for _, row := range m.Rows()[1:] {
			if row[2] == "" {
				continue
			}
			if judged++; !strings.HasSuffix(row[2], strings.TrimSpace(want)) {
				t.Errorf("%q, want %q", row, want)
			}
		}
		if judged != 4 {
			t.Errorf("%d goals, want 4", judged)
		}
	}
}

func TestDocumentSections(t *testing.T) {
	path := filepath.Join(t.TempDir(), "B.md")
	read := func() string {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if err := os.WriteFile(path, []byte("# Ours\n\n<!-- growth:begin -->\nold\n<!-- growth:end -->\n\nmore\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	grown := Grown{Machine: Machine{Kernel: "Here"}, Points: []Growth{{Conns: 77, Loops: 2}, {Conns: 78, Loops: 1, Err: "no luck"}}}
	for range 2 { // the second time into the marks of the first
		if err := grown.WriteDocument(path, ""); err != nil {
			t.Fatal(err)
		}
		if err := (&Million{Growth: Growth{Conns: 4321}}).WriteDocument(path); err != nil {
			t.Fatal(err)
		}
		text := read()
		for _, want := range []string{"# Ours\n", "\nmore\n", "Here; ", "| 77 ", "failed: no luck", "of 4321"} {
			if strings.Count(text, want) != 1 {
				t.Errorf("%q is there %d times in:\n%s", want, strings.Count(text, want), text)
			}
		}
		if strings.Contains(text, "old") {
			t.Errorf("the old section is left:\n%s", text)
		}
	}
	if err := os.WriteFile(path, []byte("<!-- million:begin -->\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := (&Million{}).WriteDocument(path); err == nil {
		t.Error("a section without an end was written into")
	}
	if err := CheckSections(path); err == nil {
		t.Error("a section without an end passes")
	}
	if err := CheckSections(path + ".new"); err != nil {
		t.Errorf("a document yet to be made: %v", err)
	}
}

func TestGrowthPoints(t *testing.T) {
	points := GrowthPoints([]int{10, 20}, []int{1, 2})
	var b bytes.Buffer
	if err := (&Grown{Points: points}).WriteTable(&b); err != nil || len(points) != 4 || strings.Count(b.String(), "\n") != 6 {
		t.Errorf("%d points, %v:\n%s", len(points), err, b.String())
	}
	crowd := Many{Conns: 100_000, Loops: 2}
	if r := (room{files: 20_000}); !crowd.crowded(r) {
		t.Error("100,000 connections fit 2 loops of 20,000 descriptors")
	}
	if r := (room{files: 1 << 20}); crowd.crowded(r) {
		t.Error("100,000 connections do not fit a process of a million descriptors")
	}
}
