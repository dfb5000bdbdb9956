package prom

import (
	"slices"
	"strconv"
	"sync"
)

// Histogram counts values by upper bounds. Any goroutine; it takes a lock.
type Histogram struct {
	bounds []float64 // rising; immutable

	mu     sync.Mutex
	counts []uint64 // for each bound those that are not above it but above the one before; the last: above all
	sum    float64
}

// NewHistogram is empty. The bounds rise; +Inf is added.
func NewHistogram(bounds []float64) *Histogram {
	return &Histogram{bounds: bounds, counts: make([]uint64, len(bounds)+1)}
}

// Update counts a value.
func (h *Histogram) Update(value float64) {
	i, _ := slices.BinarySearch(h.bounds, value)
	h.mu.Lock()
	h.counts[i]++
	h.sum += value
	h.mu.Unlock()
}

// Append appends the samples of the histogram, under its name.
func (h *Histogram) Append(dst []byte, name string) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return appendHistogram(dst, name, h.bounds, h.counts, h.sum)
}

func appendHistogram(dst []byte, name string, bounds []float64, counts []uint64, sum float64) []byte {
	total := uint64(0)
	for i, n := range counts {
		le := "+Inf"
		if i < len(bounds) {
			le = strconv.FormatFloat(bounds[i], 'g', -1, 64)
		}
		total += n
		dst = append(dst, name+`_bucket{le="`+le+`"} `...)
		dst = append(strconv.AppendUint(dst, total, 10), '\n')
	}
	dst = appendSample(dst, name+"_sum", sum)
	return appendSample(dst, name+"_count", float64(total))
}

func appendSample(dst []byte, series string, value float64) []byte {
	dst = append(append(dst, series...), ' ')
	return append(strconv.AppendFloat(dst, value, 'f', -1, 64), '\n')
}
