//go:build linux

package bench

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"weir/bench/plot"
)

// picture is one drawing of a report.
type picture struct {
	file, title string
	draw        func(io.Writer) error
}

// pictures are those for which the report has figures.
func (r *Report) pictures() (all []picture) {
	bars := func(scenario, title, unit string, value func(*Figures) float64) {
		var bars []plot.Bar
		for i := range r.Rows {
			if row := &r.Rows[i]; row.Scenario == scenario && value(&row.Figures) > 0 {
				bars = append(bars, plot.Bar{Name: row.Peer, Value: value(&row.Figures), Accent: strings.HasPrefix(row.Peer, "weir")})
			}
		}
		if len(bars) > 0 {
			all = append(all, picture{scenario + ".svg", title, func(w io.Writer) error { return plot.Bars(w, title, unit, bars) }})
		}
	}
	cpu := func(f *Figures) float64 { return f.CPUMicros }
	bars("echo125", "CPU of the gateway per round trip (125 bytes, 1,000 connections)", "us", cpu)
	bars("idle", "Memory of the gateway per idle client", "bytes", perClient)
	bars("storm", "CPU of the gateway per handshake", "us", cpu)
	if curves := r.curves("open100"); len(curves) > 0 {
		const title = "Latency at a fixed rate (100 connections, 10 messages/s each)"
		all = append(all, picture{"open100.svg", title, func(w io.Writer) error {
			return plot.Percentiles(w, title, "us", true, curves)
		}})
	}
	if lines := r.returns(); len(lines) > 0 {
		const title = "Clients back after SIGTERM"
		all = append(all, picture{"drain.svg", title, func(w io.Writer) error {
			return plot.Lines(w, title, plot.Axis{Label: "seconds"}, plot.Axis{Label: "clients"}, lines)
		}})
	}
	return all
}

// returns are the drains, as how many clients had come back when.
func (r *Report) returns() (lines []plot.Line) {
	for _, row := range r.Rows {
		if len(row.Returns) == 0 {
			continue
		}
		line, back := plot.Line{Name: row.Peer, Points: []plot.Point{{}}}, 0
		for i, n := range row.Returns {
			if back == row.Back {
				break // the rest of the window is flat
			}
			back += n
			line.Points = append(line.Points, plot.Point{X: float64(i+1) / 10, Y: float64(back)})
		}
		lines = append(lines, line)
	}
	return lines
}

// curves are the latencies at a given rate, which brings too few for a further nine.
func (r *Report) curves(scenario string) (curves []plot.Curve) {
	for _, row := range r.Rows {
		if row.Scenario == scenario && row.P50 > 0 {
			curves = append(curves, plot.Curve{Name: row.Peer, Quantiles: []plot.Quantile{
				{Percent: 50, Value: row.P50}, {Percent: 90, Value: row.P90}, {Percent: 99, Value: row.P99},
			}})
		}
	}
	return curves
}

// WritePlots writes the report's pictures as SVG into a folder, which is made if it is not there.
func (r *Report) WritePlots(dir string) error { return writePictures(dir, r.pictures()) }

func writePictures(dir string, all []picture) error {
	for _, p := range all {
		var b bytes.Buffer
		if err := p.draw(&b); err != nil {
			return fmt.Errorf("%s: %w", p.file, err)
		}
		if err := WriteFile(filepath.Join(dir, p.file), b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}
