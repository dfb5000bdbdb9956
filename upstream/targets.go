package upstream

import (
	"fmt"
	"net/netip"
	"slices"

	"weir/upstream/discovery"
)

const maxTold = 64 // addresses in one call of OnResolve

func target(a netip.Addr) discovery.Target {
	return discovery.Target{Addr: netip.AddrPortFrom(a, 0)}
}

// addressesOf are the targets in use, as text, for people; with the port if that comes from the origin.
func addressesOf(n *supply) []string {
	all := []string{}
	for _, t := range n.targets[:min(len(n.targets), maxTold)] {
		if n.source == SourceAddress {
			all = append(all, t.Addr.Addr().String())
		} else {
			all = append(all, t.Addr.String())
		}
	}
	return withMore(all, len(n.targets))
}

// withMore says how many there are besides.
func withMore(some []string, of int) []string {
	if more := of - len(some); more > 0 {
		some = append(some, fmt.Sprintf("and %d more", more))
	}
	return some
}

// ranked brings priorities and weights of SRV records (0 to 65535, RFC 2782) to ours: the first priority is 0, the next 1,
// and so on; weights keep their proportions, and those of 0 are the smallest there are.
func ranked(targets []discovery.Target) []discovery.Target {
	var levels []int
	heaviest, zero := 0, false
	for _, t := range targets {
		levels = append(levels, t.Priority)
		heaviest, zero = max(heaviest, t.Weight), zero || t.Weight == 0
	}
	slices.Sort(levels)
	levels = slices.Compact(levels)
	for i := range targets {
		t := &targets[i]
		level, _ := slices.BinarySearch(levels, t.Priority)
		t.Priority = min(level, maxLevel)
		if heaviest > maxWeight || zero && heaviest > 0 {
			t.Weight = t.Weight * maxWeight / heaviest
		}
		t.Weight = max(t.Weight, 1)
	}
	return targets
}
