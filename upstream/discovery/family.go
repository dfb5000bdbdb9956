package discovery

import "net/netip"

// Family is which addresses of a host count.
type Family string

// A host with both families is usually one machine reached in two ways, so that with Auto one family is enough.
const (
	Auto Family = "auto" // IPv6 only where there is no IPv4; "" means the same
	Any  Family = "any"
	IPv4 Family = "ipv4"
	IPv6 Family = "ipv6"
)

// Choose leaves those that count of all that a host has, IPv4 first.
func Choose[T any](f Family, all []T, addr func(T) netip.Addr) []T {
	var four, six []T
	for _, one := range all {
		if addr(one).Unmap().Is4() {
			four = append(four, one)
		} else {
			six = append(six, one)
		}
	}
	switch {
	case f == Any:
		return append(four, six...)
	case f == IPv6, f != IPv4 && len(four) == 0:
		return six
	}
	return four
}
