package plot

import (
	"fmt"
	"io"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const lineHeight = 10 * vg.Centimeter

// Axis is one side of a plot. Without Log it begins at 0.
type Axis struct {
	Label string
	Log   bool
}

// Point is one measurement.
type Point struct{ X, Y float64 }

// Line is a named run of points, by rising X.
type Line struct {
	Name   string
	Points []Point
}

// Lines draws each line with its points marked. A value that is not above 0 on a logarithmic axis is an
// error that names the line.
func Lines(w io.Writer, title string, x, y Axis, lines []Line) error {
	p := blank(title)
	x.lay(&p.X)
	y.lay(&p.Y)
	return draws(w, p, x, y, lines)
}

func (a Axis) lay(on *plot.Axis) {
	on.Label.Text = a.Label
	on.Tick.Marker = plot.DefaultTicks{}
	if a.Log {
		on.Scale, on.Tick.Marker = plot.LogScale{}, decades{}
	}
}

func draws(w io.Writer, p *plot.Plot, x, y Axis, lines []Line) error {
	legend := plot.NewLegend()
	legend.Top, legend.Left = true, true
	legend.TextStyle.Font = p.X.Tick.Label.Font
	legend.ThumbnailWidth, legend.Padding = vg.Points(24), vg.Points(3)
	empty := true
	for i, line := range lines {
		if len(line.Points) == 0 {
			continue
		}
		empty = false
		points := make(plotter.XYs, len(line.Points))
		for j, at := range line.Points {
			if x.Log && at.X <= 0 || y.Log && at.Y <= 0 {
				return fmt.Errorf("%s: (%g, %g) has no place on a logarithmic axis", line.Name, at.X, at.Y)
			}
			points[j] = plotter.XY(at)
		}
		run, marks, err := plotter.NewLinePoints(points)
		if err != nil {
			return fmt.Errorf("%s: %w", line.Name, err)
		}
		run.Color, run.Width = palette[i%len(palette)], vg.Points(1.6)
		run.Dashes = dashes[i/len(palette)%len(dashes)]
		marks.Color, marks.Shape, marks.Radius = run.Color, draw.CircleGlyph{}, vg.Points(2.5)
		p.Add(run, marks)
		legend.Add(line.Name, run, marks)
	}
	if empty {
		return errEmpty
	}
	p.Add(plotter.NewGrid())
	if !y.Log {
		p.Y.Min = 0
		p.Y.Max *= 1.05
	}
	return write(w, p, &legend, lineHeight)
}

// decades ticks a logarithmic axis at the powers of ten, written as people say them, and in between.
type decades struct{}

func (decades) Ticks(low, high float64) (ticks []plot.Tick) {
	for exponent := math.Floor(math.Log10(low)); exponent <= math.Ceil(math.Log10(high)); exponent++ {
		power := math.Pow(10, exponent)
		for digit := 1.0; digit < 10; digit++ {
			tick := plot.Tick{Value: digit * power}
			if tick.Value < low || tick.Value > high {
				continue
			}
			if digit == 1 || high/low < 30 && (digit == 2 || digit == 5) {
				tick.Label = thousands(tick.Value)
			}
			ticks = append(ticks, tick)
		}
	}
	return ticks
}

func thousands(v float64) string {
	unit := ""
	switch {
	case v >= 1e6:
		v, unit = v/1e6, "M"
	case v >= 1e3:
		v, unit = v/1e3, "k"
	}
	return strconv.FormatFloat(v, 'g', 3, 64) + unit
}
