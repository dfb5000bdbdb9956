package proxyproto

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"

	"weir/codec"
)

// parseV1 reads a line of text (the spec, section 2.1):
//
//	PROXY TCP4|TCP6 source destination source-port destination-port CRLF
//	PROXY UNKNOWN whatever CRLF
func parseV1(b []byte) (h Header, n int, err *codec.ProtocolError) {
	if len(b) < len(signatureV1) {
		return h, 0, nil
	}
	const most = maxV1 - len("\r\n")
	line := b[:min(len(b), most)]
	end := bytes.IndexAny(b[:min(len(b), most+1)], "\r\n")
	if end >= 0 {
		line = b[:end]
	}
	h, ok := v1Line(string(line[len(signatureV1):]), end >= 0)
	switch {
	case !ok:
		return Header{}, 0, ErrMalformed
	case end < 0 && len(b) > most:
		return Header{}, 0, ErrTooLong
	case end < 0, b[end] == '\r' && end+1 == len(b):
		return Header{}, 0, nil
	case b[end] == '\n', b[end+1] != '\n':
		return Header{}, 0, ErrMalformed
	}
	return h, end + 2, nil
}

// v1Line reads the line behind its signature, or what has come of it. Words that are whole are read at once; the one
// under way may only hold what such words are made of.
func v1Line(s string, whole bool) (h Header, ok bool) {
	family, rest, more := strings.Cut(s, " ")
	if !more && !whole {
		return h, strings.HasPrefix("TCP4", s) || strings.HasPrefix("TCP6", s) || strings.HasPrefix("UNKNOWN", s)
	}
	if family == "UNKNOWN" {
		return Header{Local: true}, true
	}
	if family != "TCP4" && family != "TCP6" || !more {
		return h, false
	}
	var addrs [2]netip.Addr
	var ports [2]uint16
	for i := range 4 {
		var word string
		word, rest, more = strings.Cut(rest, " ")
		last := i == 3
		if !more && !whole {
			return h, partOf(word, i, family)
		}
		if more == last {
			return h, false
		}
		if i < 2 {
			addrs[i], ok = v1Addr(word, family)
		} else {
			ports[i-2], ok = v1Port(word)
		}
		if !ok {
			return h, false
		}
	}
	return Header{Source: netip.AddrPortFrom(addrs[0], ports[0]), Destination: netip.AddrPortFrom(addrs[1], ports[1])}, true
}

// partOf tells whether a word may become an address or, from the third on, a port.
func partOf(word string, i int, family string) bool {
	chars := "0123456789"
	switch {
	case i < 2 && family == "TCP4":
		chars += "."
	case i < 2:
		chars += ".:abcdefABCDEF"
	}
	return strings.Trim(word, chars) == ""
}

func v1Addr(s, family string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" || a.Is4() != (family == "TCP4") {
		return a, false
	}
	return a.Unmap(), true
}

// v1Port takes no sign and no zero in front.
func v1Port(s string) (uint16, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil && (s[0] != '0' || len(s) == 1)
}
