package proxyproto

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

// Append adds a header of version 1 or 2 for a client's connection from source to destination. Both are written in
// one family, IPv6 unless both are IPv4. Without a source the header says so, and the backend has to take the
// connection's own addresses; a destination that is not known is written as the unspecified address.
func Append(dst []byte, version int, source, destination netip.AddrPort) []byte {
	if !source.IsValid() {
		if version == 1 {
			return append(dst, signatureV1+"UNKNOWN\r\n"...)
		}
		return append(dst, signatureV2+string([]byte{commandLocal, unspec, 0, 0})...)
	}
	from, to := source.Addr().Unmap().WithZone(""), destination.Addr().Unmap().WithZone("")
	if !to.IsValid() {
		to = netip.IPv6Unspecified()
		if from.Is4() {
			to = netip.IPv4Unspecified()
		}
	}
	if from.Is4() != to.Is4() {
		from, to = netip.AddrFrom16(from.As16()), netip.AddrFrom16(to.As16())
	}
	if version == 1 {
		return appendV1(dst, netip.AddrPortFrom(from, source.Port()), netip.AddrPortFrom(to, destination.Port()))
	}
	return appendV2(dst, netip.AddrPortFrom(from, source.Port()), netip.AddrPortFrom(to, destination.Port()))
}

func appendV1(dst []byte, source, destination netip.AddrPort) []byte {
	family := "TCP6 "
	if source.Addr().Is4() {
		family = "TCP4 "
	}
	dst = append(append(dst, signatureV1...), family...)
	dst = append(source.Addr().AppendTo(dst), ' ')
	dst = append(destination.Addr().AppendTo(dst), ' ')
	dst = append(strconv.AppendUint(dst, uint64(source.Port()), 10), ' ')
	return append(strconv.AppendUint(dst, uint64(destination.Port()), 10), "\r\n"...)
}

func appendV2(dst []byte, source, destination netip.AddrPort) []byte {
	dst = append(append(dst, signatureV2...), commandProxy)
	if source.Addr().Is4() {
		from, to := source.Addr().As4(), destination.Addr().As4()
		dst = append(dst, tcp4, 0, byte(addresses[tcp4]))
		dst = append(append(dst, from[:]...), to[:]...)
	} else {
		from, to := source.Addr().As16(), destination.Addr().As16()
		dst = append(dst, tcp6, 0, byte(addresses[tcp6]))
		dst = append(append(dst, from[:]...), to[:]...)
	}
	dst = binary.BigEndian.AppendUint16(dst, source.Port())
	return binary.BigEndian.AppendUint16(dst, destination.Port())
}
