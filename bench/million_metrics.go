//go:build linux

package bench

import (
	"context"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"weir/bench/peers"
)

// samples are metrics by name, labels included.
type samples map[string]float64

// scrape asks weir's admin listener for its metrics, in Prometheus text format.
func scrape(ctx context.Context, admin netip.AddrPort) (samples, error) {
	text, err := peers.Fetch(ctx, admin, "/metrics")
	if err != nil {
		return nil, err
	}
	found := samples{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			found[name] = v
		}
	}
	return found, nil
}

// since is what was counted since an earlier scrape.
func (s samples) since(earlier samples) samples {
	grown := samples{}
	for name, value := range s {
		grown[name] = value - earlier[name]
	}
	return grown
}

// quantile of a histogram in seconds: the upper edge of the bucket it lies in, or the lower one of the last; 0
// without any value.
func (s samples) quantile(histogram string, q float64) float64 {
	type bucket struct{ edge, count float64 }
	var buckets []bucket
	for name, count := range s {
		if edge, ok := strings.CutPrefix(name, histogram+`_bucket{le="`); ok {
			if v, err := strconv.ParseFloat(strings.TrimSuffix(edge, `"}`), 64); err == nil {
				buckets = append(buckets, bucket{v, count})
			}
		}
	}
	slices.SortFunc(buckets, func(a, b bucket) int { return int(math.Copysign(1, a.edge-b.edge)) })
	finite := 0.0
	for _, b := range buckets {
		if !math.IsInf(b.edge, 1) {
			finite = b.edge
		}
		if b.count > 0 && b.count >= q*buckets[len(buckets)-1].count {
			return finite
		}
	}
	return 0
}
