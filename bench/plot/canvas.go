package plot

import (
	"bytes"
	"errors"
	"image/color"
	"io"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

const (
	width       = 18 * vg.Centimeter
	margin      = 0.3 * vg.Centimeter
	lineSpace   = 0.7 * vg.Centimeter // for each bar
	legendWidth = 3.8 * vg.Centimeter
	family      = "font-family:Liberation Sans"
)

// errEmpty is the answer to a drawing of nothing.
var errEmpty = errors.New("nothing to draw")

// palette is told apart by the colour-blind too (after Okabe and Ito); the first is the accent.
var palette = []color.RGBA{
	{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255},
	{230, 159, 0, 255}, {86, 180, 233, 255}, {110, 110, 110, 255}, {0, 0, 0, 255},
}

// dashes set apart lines whose colours repeat.
var dashes = [][]vg.Length{nil, {vg.Points(6), vg.Points(3)}, {vg.Points(2), vg.Points(2)}}

// blank is an empty plot with the house's type.
func blank(title string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	p.Title.Padding = vg.Points(8)
	p.BackgroundColor = nil // write paints all of it
	sans := font.Font{Typeface: "Liberation", Variant: "Sans"}
	for _, style := range []*font.Font{
		&p.Title.TextStyle.Font, &p.X.Label.TextStyle.Font, &p.Y.Label.TextStyle.Font,
		&p.X.Tick.Label.Font, &p.Y.Tick.Label.Font,
	} {
		*style = font.From(sans, style.Size)
	}
	return p
}

// write draws p and, if there is one, its legend on the right.
func write(w io.Writer, p *plot.Plot, legend *plot.Legend, height vg.Length) error {
	canvas := vgsvg.New(width, height)
	all := draw.New(canvas)
	all.FillPolygon(color.White, []vg.Point{{}, {X: width}, {X: width, Y: height}, {Y: height}})
	room := draw.Crop(all, margin, -margin, margin, -margin)
	if legend != nil {
		legend.Draw(draw.Crop(room, width-legendWidth, 0, 0, -lineSpace))
		room = draw.Crop(room, 0, -legendWidth, 0, 0)
	}
	p.Draw(room)
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return err
	}
	// Few have the font by whose metrics the text was laid out; these are of the same widths.
	_, err := w.Write(bytes.ReplaceAll(b.Bytes(), []byte(family+";"), []byte(family+",Arial,Helvetica,sans-serif;")))
	return err
}

// amount writes v with three digits, and whole numbers whole.
func amount(v float64) string {
	decimals := 0
	switch size := math.Abs(v); {
	case size < 10:
		decimals = 2
	case size < 100:
		decimals = 1
	}
	return strconv.FormatFloat(v, 'f', decimals, 64)
}
