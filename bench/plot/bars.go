package plot

import (
	"io"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Bar is one figure of one name.
type Bar struct {
	Name   string
	Value  float64
	Accent bool // stands out
}

// Bars draws lying bars from the top down, each with its value beside it. unit names the axis.
func Bars(w io.Writer, title, unit string, bars []Bar) error {
	if len(bars) == 0 {
		return errEmpty
	}
	p := blank(title)
	p.X.Label.Text = unit
	p.X.Min = 0
	p.Y.Padding = vg.Points(8)
	names, ends := make([]string, len(bars)), plotter.XYLabels{}
	for i, bar := range slices.Backward(bars) { // the axis grows upwards
		row := float64(len(bars) - 1 - i)
		chart, err := plotter.NewBarChart(plotter.Values{bar.Value}, lineSpace*0.7)
		if err != nil {
			return err
		}
		chart.Horizontal, chart.XMin, chart.LineStyle.Width, chart.Color = true, row, 0, palette[5]
		if bar.Accent {
			chart.Color = palette[0]
		}
		p.Add(chart)
		names[int(row)] = bar.Name
		ends.XYs = append(ends.XYs, plotter.XY{X: bar.Value, Y: row})
		ends.Labels = append(ends.Labels, " "+amount(bar.Value))
		p.X.Max = max(p.X.Max, bar.Value*1.12) // room for the value
	}
	values, err := plotter.NewLabels(ends)
	if err != nil {
		return err
	}
	for i := range values.TextStyle {
		values.TextStyle[i].Font = p.X.Tick.Label.Font
		values.TextStyle[i].YAlign = draw.YCenter
	}
	p.Add(values)
	p.NominalY(names...)
	p.X.Tick.Marker = plot.DefaultTicks{}
	return write(w, p, nil, lineSpace*vg.Length(len(bars))+3*vg.Centimeter)
}
