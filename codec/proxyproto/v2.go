package proxyproto

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"

	"weir/codec"
)

// The byte behind the signature: version 2 and the command (the spec, section 2.2).
const (
	commandLocal = 0x20
	commandProxy = 0x21
)

// The next byte: what the addresses are.
const (
	unspec     = 0x00
	tcp4       = 0x11
	udp4       = 0x12
	tcp6       = 0x21
	udp6       = 0x22
	unixStream = 0x31
	unixPacket = 0x32
)

// addresses is the length of the addresses and ports of a family. Others are to be rejected.
var addresses = map[byte]int{unspec: 0, tcp4: 12, udp4: 12, tcp6: 36, udp6: 36, unixStream: 216, unixPacket: 216}

// parseV2 reads the binary form (the spec, section 2.2). Of a header that tells no TCP addresses only the outline is
// looked at.
func parseV2(b []byte) (h Header, n int, err *codec.ProtocolError) {
	const command, family, length = 12, 13, 14 // where they lie
	if len(b) > command && b[command] != commandLocal && b[command] != commandProxy {
		return h, 0, ErrMalformed
	}
	if len(b) > family {
		if _, known := addresses[b[family]]; !known {
			return h, 0, ErrMalformed
		}
	}
	if len(b) < fixedV2 {
		return h, 0, nil
	}
	size := int(binary.BigEndian.Uint16(b[length:]))
	switch {
	case size > maxV2:
		return h, 0, ErrTooLong
	case b[command] == commandProxy && size < addresses[b[family]]:
		return h, 0, ErrMalformed
	case len(b) < fixedV2+size:
		return h, 0, nil
	}
	b = b[:fixedV2+size]
	if b[command] == commandLocal || b[family] != tcp4 && b[family] != tcp6 {
		return Header{Local: true}, len(b), nil
	}
	end := fixedV2 + addresses[b[family]]
	if !validTLVs(b, end) {
		return h, 0, ErrMalformed
	}
	return v2Addresses(b[fixedV2:end]), len(b), nil
}

// v2Addresses reads two addresses of one length and two ports.
func v2Addresses(b []byte) Header {
	size := (len(b) - 4) / 2
	source, _ := netip.AddrFromSlice(b[:size])
	destination, _ := netip.AddrFromSlice(b[size : 2*size])
	ports := b[2*size:]
	return Header{
		Source:      netip.AddrPortFrom(source.Unmap(), binary.BigEndian.Uint16(ports)),
		Destination: netip.AddrPortFrom(destination.Unmap(), binary.BigEndian.Uint16(ports[2:])),
	}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// validTLVs walks the type-length-value triples at b[at:], of which it only reads a checksum of all of b with zeros in
// its own place (the spec, section 2.2.3).
func validTLVs(b []byte, at int) bool {
	const head, typeCRC32C = 3, 0x03
	for at < len(b) {
		if at+head > len(b) {
			return false
		}
		value := at + head
		end := value + int(binary.BigEndian.Uint16(b[at+1:]))
		if end > len(b) {
			return false
		}
		if b[at] == typeCRC32C {
			var zeros [crc32.Size]byte
			if end-value != len(zeros) {
				return false
			}
			sum := crc32.Update(crc32.Checksum(b[:value], castagnoli), castagnoli, zeros[:])
			if crc32.Update(sum, castagnoli, b[end:]) != binary.BigEndian.Uint32(b[value:]) {
				return false
			}
		}
		at = end
	}
	return true
}
