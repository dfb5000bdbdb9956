//go:build linux

package swarm

import (
	"fmt"
	"net/netip"
	"os"
)

// A connect takes one half of the range of ports first, the even or the odd ones, and once those are used up it
// searches all of them each time: at 14,000 connections of one source address to one listener, with the kernel's
// default range, it becomes a hundred times slower. So an address is used for less than that half.
const shareOfPorts = 0.35

// sources are the loopback addresses that a process connects from.
type sources struct {
	First netip.Addr `json:"first,omitzero"` // none: the kernel's choice
	Count int        `json:"count,omitempty"`
}

const maxSources = 250

// sourcesFor are those of the i-th process, for so many connections to a loopback address.
func sourcesFor(i, conns int, to netip.Addr) (sources, error) {
	if !to.IsLoopback() || !to.Is4() {
		return sources{}, nil
	}
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return sources{}, err
	}
	var low, high int
	if _, err := fmt.Sscan(string(b), &low, &high); err != nil {
		return sources{}, fmt.Errorf("net.ipv4.ip_local_port_range is %q: %w", b, err)
	}
	each := max(int(float64(high-low+1)*shareOfPorts), 1)
	s := sources{First: netip.AddrFrom4([4]byte{127, 0, byte(i), 1}), Count: max((conns+each-1)/each, 1)}
	if s.Count > maxSources {
		return s, fmt.Errorf("%d connections need %d source addresses: raise net.ipv4.ip_local_port_range, now %d ports, or use more processes", conns, s.Count, high-low+1)
	}
	return s, nil
}

// of is the address that a process's k-th connection comes from.
func (s sources) of(k int) netip.Addr {
	if s.Count < 2 {
		return s.First
	}
	a := s.First.As4()
	a[3] += byte(k % s.Count)
	return netip.AddrFrom4(a)
}
