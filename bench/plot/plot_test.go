package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var drawings = map[string]struct {
	draw  func(io.Writer) error
	shows []string
}{
	"bars": {func(w io.Writer) error {
		return Bars(w, "CPU", "us per round trip", []Bar{{"nginx & co", 8.284, false}, {"weir", 7.3, true}, {"big", 18140, false}})
	}, []string{"CPU", "us per round trip", "nginx &amp; co", "weir", "8.28", "18140"}},
	"lines": {func(w io.Writer) error {
		return Lines(w, "Growth", Axis{"connections", true}, Axis{Label: "bytes"}, []Line{
			{"1 loop", []Point{{1e3, 600}, {1e4, 580}, {1e6, 560}}}, {"2 loops", []Point{{1e3, 700}, {1e6, 640}}}, {Name: "none"},
		})
	}, []string{"Growth", "connections", ">1k<", ">10k<", ">1M<", "1 loop", "2 loops"}},
	"percentiles": {func(w io.Writer) error {
		return Percentiles(w, "Latency", "us", false, []Curve{{"weir", []Quantile{{50, 80}, {90, 100}, {99, 150}, {99.9, 700}}}})
	}, []string{"percentile", ">50<", ">99.9<", "weir"}},
}

// A drawing is well-formed, says what it was given, is small, and the same each time.
func TestDrawings(t *testing.T) {
	for name, tc := range drawings {
		var first, second bytes.Buffer
		if err := errors.Join(tc.draw(&first), tc.draw(&second)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if dir := os.Getenv("PLOTS"); dir != "" { // to look at them
			if err := os.WriteFile(filepath.Join(dir, name+".svg"), first.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("%s: drawn twice, not the same", name)
		}
		if first.Len() > 20<<10 {
			t.Errorf("%s: %d bytes", name, first.Len())
		}
		for d := xml.NewDecoder(bytes.NewReader(first.Bytes())); ; {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		for _, part := range tc.shows {
			if !strings.Contains(first.String(), part) {
				t.Errorf("%s: no %q", name, part)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"no bars":       {Bars(io.Discard, "t", "u", nil), "nothing to draw"},
		"no lines":      {Lines(io.Discard, "t", Axis{}, Axis{}, []Line{{Name: "empty"}}), "nothing to draw"},
		"log of 0":      {Lines(io.Discard, "t", Axis{Log: true}, Axis{}, []Line{{"zero", []Point{{0, 1}}}}), "zero: (0, 1)"},
		"100th of 100":  {Percentiles(io.Discard, "t", "u", false, []Curve{{"max", []Quantile{{100, 1}}}}), "max: no quantile"},
		"log of nought": {Percentiles(io.Discard, "t", "u", true, []Curve{{"calm", []Quantile{{50, 0}}}}), "calm: "},
	} {
		if tc.err == nil || !strings.Contains(tc.err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, tc.err, tc.want)
		}
	}
}
