package prom_test

import (
	"testing"

	"weir/internal/prom"
)

func TestHistogram(t *testing.T) {
	h := prom.NewHistogram([]float64{.001, .5, 10})
	for _, v := range []float64{0, .001, .002, .5, 3, 11, 12} {
		h.Update(v)
	}
	want := `x_bucket{le="0.001"} 2
x_bucket{le="0.5"} 4
x_bucket{le="10"} 5
x_bucket{le="+Inf"} 7
x_sum 26.503
x_count 7
`
	if got := string(h.Append(nil, "x")); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
