//go:build linux

package bench

import (
	"context"
	"net/netip"
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
