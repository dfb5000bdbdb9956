package wire

import "encoding/binary"

// StampSize is how many of a Message's first payload bytes hold its client's and its own number.
const StampSize = 8

// A constant mask: a gateway cannot tell, and the load need not mask each message anew.
var clientMask = [4]byte{0x9d, 0x3b, 0xe1, 0x54}

// Message is the one frame that all clients of a loop send, stamped anew before each write.
type Message struct {
	Size int // of the payload, bytes

	frame []byte // masked
	body  int    // where the payload begins
	last  byte   // of the payload, unmasked
}

// NewMessage is a binary message of so many bytes. One that is shorter than StampSize holds a part of its stamp.
func NewMessage(size int) Message {
	m := Message{Size: size}
	m.frame = AppendHeader(nil, clientHeader(Binary, size))
	m.body = len(m.frame)
	for i := range size {
		m.frame = append(m.frame, byte(i*31+i>>8))
	}
	if size > StampSize {
		m.last = m.frame[len(m.frame)-1]
	}
	Mask(m.frame[m.body:], clientMask, 0)
	return m
}

// Stamp makes the frame that client's message of that number, and lends it until the next Stamp.
func (m *Message) Stamp(client, number uint32) []byte {
	s := stampOf(client, number)
	n := copy(m.frame[m.body:], s[:])
	Mask(m.frame[m.body:m.body+n], clientMask, 0)
	return m.frame
}

// Matches checks a piece of an echoed payload, which begins at that offset: the numbers, no byte too many, and the
// last byte. That all has come is the caller's to see.
func (m *Message) Matches(client, number uint32, offset int, b []byte) bool {
	if offset+len(b) > m.Size {
		return false
	}
	if offset < StampSize {
		s := stampOf(client, number)
		n := min(len(b), StampSize-offset)
		if string(b[:n]) != string(s[offset:offset+n]) {
			return false
		}
	}
	end := offset+len(b) == m.Size && len(b) > 0
	return !end || m.Size <= StampSize || b[len(b)-1] == m.last
}

func stampOf(client, number uint32) [StampSize]byte {
	var s [StampSize]byte
	binary.BigEndian.PutUint32(s[:], number)
	binary.BigEndian.PutUint32(s[4:], client)
	return s
}

// AppendControl appends a client's control frame.
func AppendControl(dst []byte, opcode byte, payload []byte) []byte {
	dst = AppendHeader(dst, clientHeader(opcode, len(payload)))
	at := len(dst)
	dst = append(dst, payload...)
	Mask(dst[at:], clientMask, 0)
	return dst
}

func clientHeader(opcode byte, size int) Header {
	return Header{Fin: true, Opcode: opcode, Masked: true, Mask: clientMask, Length: int64(size)}
}
