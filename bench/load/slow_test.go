//go:build linux

package load_test

import (
	"context"
	"testing"
	"time"

	"weir/bench/echo"
	"weir/bench/load"
)

// Clients that never read are taken from until all buffers are full, those that sip go on; a crowd beside them talks on.
func TestSlow(t *testing.T) {
	target, _ := backend(t)
	crowd := open(t, load.Config{Target: target, Conns: 20})
	slow := func(how load.Sloth, more func(*load.Slow) bool) int64 {
		s, err := target.Slow(t.Context(), how)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		ops := int64(0)
		for deadline := time.Now().Add(20 * time.Second); more(s) || ops == 0; {
			r, err := crowd.Echo(t.Context(), load.Talk{Size: 125, Window: load.Window{Duration: 200 * time.Millisecond}})
			ops += r.Ops
			if err != nil || r.Err() != nil || time.Now().After(deadline) {
				t.Fatalf("%d ops, %v, %v, %d bytes taken", ops, err, r.Err(), s.Taken())
			}
		}
		return s.Taken()
	}
	before := int64(-1)
	full := slow(load.Sloth{Conns: 3, Size: 125}, func(s *load.Slow) bool {
		last := before
		before = s.Taken()
		return last < before
	})
	if full == 0 {
		t.Error("nothing was taken")
	}
	slow(load.Sloth{Conns: 3, Size: 125, Read: 8 << 20}, func(s *load.Slow) bool { return s.Taken() < full+full/4 })
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
