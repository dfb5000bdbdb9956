//go:build linux

package swarm

import (
	"net/netip"
	"testing"
)

func TestSources(t *testing.T) {
	local := netip.MustParseAddr("127.0.0.1")
	used := map[netip.Addr]int{}
	for _, i := range []int{0, 1, MaxProcesses - 1} {
		s, err := sourcesFor(i, 19_000, local)
		if err != nil {
			t.Fatal(err)
		}
		for k := range 19_000 {
			used[s.of(k)]++
		}
	}
	for a, n := range used {
		if !a.IsLoopback() || n > 19_000 {
			t.Errorf("%d connections from %s", n, a)
		}
	}
	if len(used) < 3 {
		t.Errorf("%d addresses for 3 processes", len(used))
	}
	if _, err := sourcesFor(0, 1<<40, local); err == nil {
		t.Error("there are addresses for everybody")
	}
	for _, other := range []string{"192.0.2.1", "::1"} {
		if s, err := sourcesFor(0, 19_000, netip.MustParseAddr(other)); err != nil || s.of(1).IsValid() {
			t.Errorf("%s is reached from %s, %v", other, s.of(1), err)
		}
	}
}
