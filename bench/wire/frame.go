package wire

import (
	"encoding/binary"
	"errors"

	"github.com/gobwas/ws"
)

// Opcodes of RFC 6455 section 5.2.
const (
	Continuation = 0x0
	Text         = 0x1
	Binary       = 0x2
	Close        = 0x8
	Ping         = 0x9
	Pong         = 0xa
)

// MaxHeader is the longest frame header in bytes.
const MaxHeader = 14

// Header is a frame's header (RFC 6455 section 5.2).
type Header struct {
	Fin    bool
	Opcode byte
	Masked bool
	Mask   [4]byte
	Length int64
}

// Control reports whether the frame may stand between the fragments of a message.
func (h *Header) Control() bool { return h.Opcode&0x8 != 0 }

var errHeader = errors.New("malformed frame header")

// ParseHeader reads one header; n == 0 with no error means that b holds only part of it.
func ParseHeader(b []byte) (h Header, n int, err error) {
	if len(b) < 2 {
		return h, 0, nil
	}
	h.Fin, h.Opcode, h.Masked = b[0]&0x80 != 0, b[0]&0xf, b[1]&0x80 != 0
	if b[0]&0x70 != 0 || h.Opcode > Pong || h.Opcode > Binary && h.Opcode < Close {
		return h, 0, errHeader
	}
	n, short := 2, b[1]&0x7f
	switch short {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if h.Masked {
		n += 4
	}
	if len(b) < n {
		return h, 0, nil
	}
	switch short {
	case 126:
		h.Length = int64(binary.BigEndian.Uint16(b[2:]))
	case 127:
		h.Length = int64(binary.BigEndian.Uint64(b[2:]))
	default:
		h.Length = int64(short)
	}
	if h.Length < 0 || h.Control() && (h.Length > 125 || !h.Fin) {
		return h, 0, errHeader
	}
	if h.Masked {
		copy(h.Mask[:], b[n-4:])
	}
	return h, n, nil
}

// AppendHeader appends h in its shortest form.
func AppendHeader(dst []byte, h Header) []byte {
	first, second := h.Opcode, byte(0)
	if h.Fin {
		first |= 0x80
	}
	if h.Masked {
		second = 0x80
	}
	switch {
	case h.Length <= 125:
		dst = append(dst, first, second|byte(h.Length))
	case h.Length <= 0xffff:
		dst = append(dst, first, second|126)
		dst = binary.BigEndian.AppendUint16(dst, uint16(h.Length))
	default:
		dst = append(dst, first, second|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(h.Length))
	}
	if h.Masked {
		dst = append(dst, h.Mask[:]...)
	}
	return dst
}

// Mask applies a frame's mask to b, which begins at that offset in its payload.
func Mask(b []byte, mask [4]byte, offset int64) { ws.Cipher(b, mask, int(offset&3)) }

// Piece is a run of one frame's payload, lent from the bytes that were scanned.
type Piece struct {
	Header
	Offset      int64 // of Data in the payload
	Data        []byte
	First, Last bool // the frame begins here; ends here
}

// Scanner cuts a stream of bytes, split anywhere, into pieces of frames.
type Scanner struct {
	head Header
	part [MaxHeader]byte // of a header not yet whole
	have uint8
	in   bool // the payload is awaited
	at   int64
}

// Next takes n bytes of b. ok says that they made a piece; if not, the header goes on in what
// comes later. Call it until b is used up.
func (s *Scanner) Next(b []byte) (p Piece, n int, ok bool, err error) {
	first := !s.in
	if first {
		if n, err = s.header(b); err != nil || !s.in {
			return p, n, false, err
		}
		b = b[n:]
	}
	take := int(min(int64(len(b)), s.head.Length-s.at))
	p = Piece{Header: s.head, Offset: s.at, Data: b[:take], First: first}
	s.at += int64(take)
	if s.at == s.head.Length {
		p.Last, s.in = true, false
	}
	return p, n + take, true, nil
}

// header takes a header from b, joined to what an earlier call left over.
func (s *Scanner) header(b []byte) (n int, err error) {
	if s.have == 0 { // the usual case: no copy
		if s.head, n, err = ParseHeader(b); n > 0 || err != nil {
			s.in, s.at = n > 0, 0
			return n, err
		}
	}
	before := int(s.have)
	added := copy(s.part[before:], b)
	if s.head, n, err = ParseHeader(s.part[:before+added]); err != nil {
		return 0, err
	}
	if n == 0 {
		s.have += uint8(added)
		return added, nil
	}
	s.in, s.at, s.have = true, 0, 0
	return n - before, nil
}
