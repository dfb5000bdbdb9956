package clientaddr

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Trust is a set of addresses. The zero value holds none. Immutable.
type Trust struct {
	prefixes []netip.Prefix // no IPv4 in its IPv6 form; few, so that they are walked
	unix     bool           // peers on unix sockets, which have no address
}

// ParseTrust reads a list of addresses ("10.1.2.3"), ranges ("10.0.0.0/8", "fd00::/8") and the word "unix".
func ParseTrust(list []string) (t Trust, err error) {
	for _, s := range list {
		if s = strings.TrimSpace(s); s == "unix" {
			t.unix = true
			continue
		}
		p, err := parsePrefix(s)
		if err != nil {
			return Trust{}, err
		}
		t.prefixes = append(t.prefixes, p)
	}
	return t, nil
}

func parsePrefix(s string) (p netip.Prefix, err error) {
	if strings.Contains(s, "/") {
		p, err = netip.ParsePrefix(s)
	} else {
		var a netip.Addr
		if a, err = netip.ParseAddr(s); err == nil {
			p = netip.PrefixFrom(a, a.BitLen())
		}
	}
	const mapped = 96 // bits in front of an IPv4 address in its IPv6 form
	switch a := p.Addr(); {
	case strings.Contains(s, "%"):
		return p, fmt.Errorf("trusted proxy %q: leave out the zone; an address is trusted in all of them", s)
	case err != nil:
		return p, fmt.Errorf(`trusted proxy %q: neither an address (10.1.2.3), a range (10.0.0.0/8, fd00::/8) nor the word "unix"`, s)
	case a.Is4In6() && p.Bits() < mapped:
		return p, fmt.Errorf("trusted proxy %q: write a range of IPv4 as such, as 10.0.0.0/8", s)
	case a.Is4In6():
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-mapped)
	}
	if p != p.Masked() {
		return p, fmt.Errorf("trusted proxy %q: bits are set behind the range's length; is %s meant, or one address?", s, p.Masked())
	}
	return p, nil
}

// Has tells whether a is in the set: the zero Addr stands for a peer on a unix socket. Zones do not count.
func (t Trust) Has(a netip.Addr) bool {
	if !a.IsValid() {
		return t.unix
	}
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(t.prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}
