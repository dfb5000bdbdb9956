//go:build linux

package load

import (
	"encoding/binary"

	"weir/bench/wire"
)

// message is the one frame that all clients of a loop send, stamped anew before each write.
type message struct {
	frame []byte // masked
	body  int    // where the payload begins
	size  int    // of the payload, bytes
	last  byte   // of the payload, unmasked
}

// stampSize is how many of the payload's first bytes hold the client's and the message's number.
const stampSize = 8

// A constant mask: a gateway cannot tell, and the load need not mask each message anew.
var mask = [4]byte{0x9d, 0x3b, 0xe1, 0x54}

func newMessage(size int) message {
	m := message{size: size}
	m.frame = wire.AppendHeader(nil, wire.Header{
		Fin: true, Opcode: wire.Binary, Masked: true, Mask: mask, Length: int64(size),
	})
	m.body = len(m.frame)
	for i := range size {
		m.frame = append(m.frame, byte(i*31+i>>8))
	}
	if size > stampSize {
		m.last = m.frame[len(m.frame)-1]
	}
	wire.Mask(m.frame[m.body:], mask, 0)
	return m
}

func stampOf(client, number uint32) [stampSize]byte {
	var s [stampSize]byte
	binary.BigEndian.PutUint32(s[:], number)
	binary.BigEndian.PutUint32(s[4:], client)
	return s
}

// stamp makes the frame that client's message of that number.
func (m *message) stamp(client, number uint32) {
	s := stampOf(client, number)
	n := copy(m.frame[m.body:], s[:])
	wire.Mask(m.frame[m.body:m.body+n], mask, 0)
}

// matches checks a piece of an echoed payload: the numbers, the length and the last byte.
func (m *message) matches(client, number uint32, offset int, b []byte) bool {
	if offset+len(b) > m.size {
		return false
	}
	if offset < stampSize {
		s := stampOf(client, number)
		n := min(len(b), stampSize-offset)
		if string(b[:n]) != string(s[offset:offset+n]) {
			return false
		}
	}
	end := offset+len(b) == m.size && len(b) > 0
	return !end || m.size <= stampSize || b[len(b)-1] == m.last
}
