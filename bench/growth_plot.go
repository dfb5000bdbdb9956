//go:build linux

package bench

import (
	"fmt"
	"io"
	"slices"

	"weir/bench/plot"
)

// WritePlots draws how the cost of a message and of a connection grows into growth-cpu.svg and
// growth-memory.svg of a folder, one line for each number of loops. Points that failed are left out.
func (g *Grown) WritePlots(dir string) error { return writePictures(dir, g.pictures()) }

func (g *Grown) pictures() []picture {
	return []picture{
		growth("growth-cpu.svg", "CPU of a message by the number of connections", "us", g.Points, func(f *Figures) float64 { return f.CPUMicros }),
		growth("growth-memory.svg", "Memory of a connection by their number", "bytes", g.Points, perClient),
	}
}

func growth(file, title, unit string, points []Growth, value func(*Figures) float64) picture {
	var lines []plot.Line
	for i := range points {
		at := &points[i]
		if at.Err != "" {
			continue
		}
		name := fmt.Sprintf("%d loops", at.Loops)
		if at.Loops == 1 {
			name = "1 loop"
		}
		line := slices.IndexFunc(lines, func(l plot.Line) bool { return l.Name == name })
		if line < 0 {
			line = len(lines)
			lines = append(lines, plot.Line{Name: name})
		}
		lines[line].Points = append(lines[line].Points, plot.Point{X: float64(at.Conns), Y: value(&at.Figures)})
	}
	return picture{file, title, func(w io.Writer) error {
		return plot.Lines(w, title, plot.Axis{Label: "connections", Log: true}, plot.Axis{Label: unit}, lines)
	}}
}
