//go:build linux

package epoll

import (
	"net/netip"
	"testing"
)

func TestSources(t *testing.T) {
	local := netip.MustParseAddr("127.0.0.1")
	used := map[netip.Addr]int{}
	for _, i := range []int{0, 1, maxSources - 1} {
		s, err := SourcesFor(i, 19_000, local)
		if err != nil {
			t.Fatal(err)
		}
		for k := range 19_000 {
			used[s.Of(k, local)]++
		}
	}
	ports, err := localPorts()
	if err != nil {
		t.Fatal(err)
	}
	for a, n := range used {
		if !a.IsLoopback() || n > ports*2/5 {
			t.Errorf("%d connections from %s, of %d ports", n, a, ports)
		}
	}
	if len(used) < 3 {
		t.Errorf("%d addresses for 3 processes", len(used))
	}
	if _, err := SourcesFor(0, 1<<40, local); err == nil {
		t.Error("there are addresses for everybody")
	}
	s, err := SourcesFor(0, 100, local)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"192.0.2.1", "::1"} {
		other := netip.MustParseAddr(text)
		if o, err := SourcesFor(0, 1000, other); err != nil || o.Of(1, other).IsValid() || s.Of(1, other).IsValid() {
			t.Errorf("%s is reached from %s or %s, %v", other, o.Of(1, other), s.Of(1, other), err)
		}
	}
}
