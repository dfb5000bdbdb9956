//go:build linux

package load_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"weir/bench/load"
)

// Hellos are answered, again and again, and whoever shakes hands for good is served beside them.
func TestHellos(t *testing.T) {
	target := secured(t, load.Target{}, 16<<10, nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	h, err := target.Hellos(ctx, 8)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for h.Answered() < 100 {
		if ctx.Err() != nil {
			t.Fatalf("%d were answered", h.Answered())
		}
		time.Sleep(time.Millisecond)
	}
	if took, err := target.Newcomer(ctx, netip.MustParseAddr("127.0.0.2")); err != nil || took <= 0 {
		t.Errorf("a newcomer took %v, %v", took, err)
	}
	if _, err := (load.Target{}).Hellos(ctx, 1); err == nil {
		t.Error("hellos to a target without TLS")
	}
}
