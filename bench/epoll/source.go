//go:build linux

package epoll

import (
	"fmt"
	"net/netip"
	"os"
)

// A connect takes one half of the range of ports first, the even or the odd ones, and once those are used up it
// searches all of them each time: at 14,000 connections of one source address to one listener, with the kernel's
// default range, it becomes a hundred times slower. So an address is used for less than that half.
const shareOfPorts = 0.35

// Sources are the loopback addresses that a load process connects from.
type Sources struct {
	First netip.Addr `json:"first,omitzero"` // none: the kernel's choice
	Count int        `json:"count,omitempty"`
}

const maxSources = 250

// SourcesFor are those of the i-th process, i below 250, for so many connections to an address. It is an error if
// there are not ports enough; beyond IPv4 loopback all have the same one source.
func SourcesFor(i, conns int, to netip.Addr) (Sources, error) {
	ports, err := localPorts()
	if err != nil {
		return Sources{}, err
	}
	if !spreads(to) {
		if conns > ports {
			return Sources{}, fmt.Errorf("%d connections to %s need as many ports, and there are %d (net.ipv4.ip_local_port_range)", conns, to, ports)
		}
		return Sources{}, nil
	}
	each := max(int(float64(ports)*shareOfPorts), 1)
	s := Sources{First: netip.AddrFrom4([4]byte{127, 0, byte(i), 1}), Count: max((conns+each-1)/each, 1)}
	if s.Count > maxSources {
		return s, fmt.Errorf("%d connections need %d source addresses, %d are possible: raise net.ipv4.ip_local_port_range, now %d ports, or use more processes", conns, s.Count, maxSources, ports)
	}
	return s, nil
}

// spreads tells whether an address is reached from any of 127.0.0.0/8.
func spreads(to netip.Addr) bool { return to.IsLoopback() && to.Is4() }

func localPorts() (int, error) {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0, err
	}
	var low, high int
	if _, err := fmt.Sscan(string(b), &low, &high); err != nil {
		return 0, fmt.Errorf("net.ipv4.ip_local_port_range is %q: %w", b, err)
	}
	return high - low + 1, nil
}

// Of is the address that a process's k-th connection, which goes to an address, comes from; invalid for the
// kernel's choice.
func (s Sources) Of(k int, to netip.Addr) netip.Addr {
	if s.Count == 0 || !spreads(to) {
		return netip.Addr{}
	}
	a := s.First.As4()
	a[3] += byte(k % s.Count)
	return netip.AddrFrom4(a)
}
