//go:build linux

package load_test

import (
	"context"
	"testing"
	"time"

	"weir/bench/echo"
	"weir/bench/load"
)

// A deaf client is taken from until all buffers are full; a crowd beside it talks on.
func TestDeaf(t *testing.T) {
	target, _ := backend(t)
	crowd := open(t, load.Config{Target: target, Conns: 20})
	deaf, err := target.Deaf(t.Context(), 125)
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	for before := int64(-1); before < deaf.Taken(); {
		before = deaf.Taken()
		r, err := crowd.Echo(t.Context(), load.Talk{Size: 125, Window: short})
		if err != nil || r.Err() != nil || r.Ops == 0 {
			t.Fatalf("%d ops, %v, %v", r.Ops, err, r.Err())
		}
	}
	if deaf.Taken() == 0 {
		t.Error("nothing was taken")
	}
}

func TestProbes(t *testing.T) {
	upgrades, _ := backend(t)
	server, err := echo.ServeH2C(anyPort, 1)
	pools, _ := running(t, server, err)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	for name, tc := range map[string]struct {
		probe func(load.Target, context.Context) error
		at    load.Target
		works bool
	}{
		"upgrade":                 {load.Target.Probe, upgrades, true},
		"h2c":                     {load.Target.ProbeH2C, pools, true},
		"upgrade asked of h2c":    {load.Target.Probe, pools, false},
		"h2c asked of upgrade":    {load.Target.ProbeH2C, upgrades, false},
		"upgrade asked of no one": {load.Target.Probe, target4(anyPort), false},
		"h2c asked of no one":     {load.Target.ProbeH2C, target4(anyPort), false},
	} {
		if err := tc.probe(tc.at, ctx); (err == nil) != tc.works {
			t.Errorf("%s: %v", name, err)
		}
	}
	if ctx.Err() != nil {
		t.Error("a probe was not answered")
	}
}
