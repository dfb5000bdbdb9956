package plot

import (
	"fmt"
	"io"
	"strconv"

	"gonum.org/v1/plot"
)

// Quantile is the value that so many percent of the measurements do not exceed.
type Quantile struct{ Percent, Value float64 }

// Curve is a named run of quantiles, by rising Percent, each below 100.
type Curve struct {
	Name      string
	Quantiles []Quantile
}

// Percentiles draws latencies over 1/(1-quantile) on a logarithmic axis, which gives each further nine
// the same room. unit names the other axis, which is logarithmic too if log is set.
func Percentiles(w io.Writer, title, unit string, log bool, curves []Curve) error {
	x, y := Axis{Label: "percentile", Log: true}, Axis{Label: unit, Log: log}
	var lines []Line
	var marks []plot.Tick
	seen := map[float64]bool{}
	for _, curve := range curves {
		line := Line{Name: curve.Name}
		for _, q := range curve.Quantiles {
			if q.Percent < 0 || q.Percent >= 100 {
				return fmt.Errorf("%s: no quantile of %g %%", curve.Name, q.Percent)
			}
			at := 100 / (100 - q.Percent)
			line.Points = append(line.Points, Point{X: at, Y: q.Value})
			if !seen[q.Percent] {
				seen[q.Percent] = true
				marks = append(marks, plot.Tick{Value: at, Label: strconv.FormatFloat(q.Percent, 'g', -1, 64)})
			}
		}
		lines = append(lines, line)
	}
	p := blank(title)
	x.lay(&p.X)
	y.lay(&p.Y)
	p.X.Tick.Marker = plot.ConstantTicks(marks)
	return draws(w, p, x, y, lines)
}
