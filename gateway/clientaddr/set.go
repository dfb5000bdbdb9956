package clientaddr

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Set is a set of addresses, 32 bytes for each range of them. Immutable; nil holds none.
type Set struct {
	v4, v6 []span // sorted, not touching
	unix   bool   // peers on unix sockets, which have no address
}

// A span is all addresses from first to last; IPv4 is in its IPv6 form.
type span struct{ first, last number }

type number struct{ high, low uint64 }

func (n number) compare(m number) int {
	return cmp.Or(cmp.Compare(n.high, m.high), cmp.Compare(n.low, m.low))
}

func (n number) next() number {
	n.low++
	if n.low == 0 {
		n.high++
	}
	return n
}

func numberOf(a netip.Addr) number {
	b := a.As16()
	return number{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

// ParseSet reads a list of addresses ("10.1.2.3"), ranges ("10.0.0.0/8", "fd00::/8") and the word "unix".
func ParseSet(list []string) (*Set, error) {
	s := new(Set)
	if err := s.addAll(list); err != nil {
		return nil, err
	}
	s.join()
	return s, nil
}

func (s *Set) addAll(list []string) error {
	var problems []error
	for _, text := range list {
		if err := s.add(text); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

func (s *Set) add(text string) error {
	if text == "unix" {
		s.unix = true
		return nil
	}
	p, err := parsePrefix(text)
	if err != nil {
		return err
	}
	spans, bits := &s.v6, p.Bits()
	if p.Addr().Is4() {
		spans, bits = &s.v4, bits+mappedBits
	}
	first := numberOf(p.Addr())
	*spans = append(*spans, span{first, first.lastOf(bits)})
	return nil
}

// lastOf is the last number that has the first bits in common with n, all others of which are 0.
func (n number) lastOf(bits int) number {
	return number{n.high | ^uint64(0)>>min(bits, 64), n.low | ^uint64(0)>>max(bits-64, 0)}
}

const mappedBits = 96 // in front of an IPv4 address in its IPv6 form

func parsePrefix(s string) (p netip.Prefix, err error) {
	if strings.Contains(s, "/") {
		p, err = netip.ParsePrefix(s)
	} else {
		var a netip.Addr
		if a, err = netip.ParseAddr(s); err == nil {
			p = netip.PrefixFrom(a, a.BitLen())
		}
	}
	switch a := p.Addr(); {
	case strings.Contains(s, "%"):
		return p, fmt.Errorf("%q: leave out the zone; an address counts in all of them", s)
	case err != nil:
		return p, fmt.Errorf(`%q is neither an address (10.1.2.3), a range (10.0.0.0/8, fd00::/8) nor the word "unix"`, s)
	case a.Is4In6() && p.Bits() < mappedBits:
		return p, fmt.Errorf("%q: write a range of IPv4 as such, as 10.0.0.0/8", s)
	case a.Is4In6():
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-mappedBits)
	}
	if p != p.Masked() {
		return p, fmt.Errorf("%q: bits are set behind the range's length; is %s meant, or one address?", s, p.Masked())
	}
	return p, nil
}

// join has to follow the last add.
func (s *Set) join() { s.v4, s.v6 = join(s.v4), join(s.v6) }

// join sorts spans and makes one of those that overlap or touch.
func join(all []span) []span {
	slices.SortFunc(all, func(a, b span) int { return a.first.compare(b.first) })
	joined := all[:0]
	for _, s := range all {
		if n := len(joined); n > 0 && s.first.compare(joined[n-1].last) <= 0 || n > 0 && s.first == joined[n-1].last.next() {
			if joined[n-1].last.compare(s.last) < 0 {
				joined[n-1].last = s.last
			}
			continue
		}
		joined = append(joined, s)
	}
	return slices.Clone(joined)
}

// Has tells whether a is in the set: the zero Addr stands for a peer on a unix socket. Zones do not count. Nothing is
// allocated.
func (s *Set) Has(a netip.Addr) bool {
	if s == nil {
		return false
	}
	a = a.Unmap()
	spans := s.v6
	switch {
	case !a.IsValid():
		return s.unix
	case a.Is4():
		spans = s.v4
	}
	n := numberOf(a)
	i, exact := slices.BinarySearchFunc(spans, n, func(s span, n number) int { return s.first.compare(n) })
	return exact || i > 0 && n.compare(spans[i-1].last) <= 0
}

// Len is the number of ranges, with those that touch counted once.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return len(s.v4) + len(s.v6)
}
