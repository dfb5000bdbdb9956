package frame

import (
	"encoding/binary"

	"github.com/gobwas/ws"
)

// Bits of a header's first two bytes (RFC 6455 section 5.2).
const (
	fin    = 0x80
	rsv1   = 0x40
	rsv    = 0x70
	opcode = 0x0f

	mask    = 0x80
	length7 = 0x7f
)

// parseHeader reads the header that h begins with: n is its length in bytes, 0 if h holds only a part.
// ws.ReadHeader wants an io.Reader: with ws.CheckHeader it takes 60 ns and an allocation where this and
// checkHeader take 9 ns.
func parseHeader(h []byte) (n int, length uint64) {
	if len(h) < 2 {
		return 0, 0
	}
	n = 2
	switch h[1] & length7 {
	case 126:
		n = 4
	case 127:
		n = 10
	}
	at := n
	if h[1]&mask != 0 {
		n += 4
	}
	if len(h) < n {
		return 0, 0
	}
	switch at {
	case 4:
		length = uint64(binary.BigEndian.Uint16(h[2:]))
	case 10:
		length = binary.BigEndian.Uint64(h[2:])
	default:
		length = uint64(h[1] & length7)
	}
	return n, length
}

// walkHead takes the head of the next frame: what it has to be checked by before any of it is passed.
// That is the header, for a close frame its code too, and for a pong that is waited for all of it. A data message
// that is to be announced stays where it is, unless it is admitted.
func (s *Scanner) walkHead(b []byte, r *Rules, c *Counts, admitted bool) (pass, used int, ev Event) {
	h, before := b, int(s.nKept)
	if before > 0 {
		h = s.kept[:before+copy(s.kept[before:], b)]
	}
	if r.Announce && !admitted && s.begins(h, r) {
		return 0, 0, Start
	}
	away := s.flags&aside != 0
	n, ev := s.openFrame(h, r, c)
	s.nKept = 0
	switch {
	case ev == Violation:
		s.nKept = uint8(before) // Discard goes on with this very frame
		return 0, 0, ev
	case n == 0: // not whole, so h is shorter than kept and has all of b
		s.nKept = uint8(copy(s.kept[:], h))
		return 0, len(b), None
	case ev == Pong:
		copy(s.kept[:], h[:n])
		return 0, n - before, ev
	case away && ws.OpCode(s.first&opcode).IsData():
		s.set(check, false)
		return 0, n - before, Skipped
	case before > 0: // only the first head of a Scan can have been kept
		s.nHeld = uint8(copy(s.held[:], s.kept[:before]))
	}
	return n - before, n - before, ev
}

// begins tells whether h begins with the whole and sound header of a data message's first frame.
func (s *Scanner) begins(h []byte, r *Rules) bool {
	n, length := parseHeader(h)
	if n == 0 {
		return false
	}
	op := ws.OpCode(h[0] & opcode)
	return op.IsData() && op != ws.OpContinuation && s.checkHeader(h[0], h[1], length, r) == 0
}

// openFrame checks the frame's head that h begins with and enters the frame. n is the head's length,
// 0 if h holds only a part of it.
func (s *Scanner) openFrame(h []byte, r *Rules, c *Counts) (n int, ev Event) {
	n, length := parseHeader(h)
	if n == 0 {
		return 0, None
	}
	if s.fault = s.checkHeader(h[0], h[1], length, r); s.fault != 0 {
		return 0, Violation
	}
	header, code, op := n, ws.StatusNoStatusRcvd, ws.OpCode(h[0]&opcode)
	var key [4]byte
	if h[1]&mask != 0 {
		key = [4]byte(h[n-4 : n])
	}
	switch {
	case op == ws.OpClose && length > 0:
		if n += 2; len(h) < n {
			return 0, None
		}
		code = ws.StatusCode(h[n-2]^key[0])<<8 | ws.StatusCode(h[n-1]^key[1])
		if !MayBeSent(code) {
			s.fault = closeCode
			return 0, Violation
		}
	case op == ws.OpPong && length == 8 && (s.flags&expectPong != 0 || int(s.nKept) >= n):
		if n += 8; len(h) < n {
			return 0, None
		}
		ev = Pong
	}
	if !s.enterFrame(h[0], key, length, r) {
		return 0, Violation
	}
	c.Frames++
	switch {
	case op.IsControl():
		c.Controls++
	case h[0]&fin == 0:
		c.Parts++
	}
	if op == ws.OpClose {
		s.code, ev = code, Close
	}
	s.pos = uint8(n - header)
	if s.left -= uint64(n - header); s.left == 0 {
		s.finishFrame(c)
	}
	return n, ev
}

// checkHeader holds a header against the rules of RFC 6455 section 5 and the limits. ws.CheckHeader
// knows neither where RSV1 may stand nor how a length must be written.
func (s *Scanner) checkHeader(b0, b1 byte, length uint64, r *Rules) fault {
	switch op := ws.OpCode(b0 & opcode); {
	case b1&mask == 0 && r.Masked: // 5.1
		return unmaskedFrame
	case b1&mask != 0 && !r.Masked: // 5.1
		return maskedFrame
	case b0&rsv != 0 && !r.Extended && !s.allowsRSV(b0): // 5.2
		return reservedBits
	case op.IsReserved() && !r.Extended: // 5.2
		return unknownOpcode
	case op.IsControl():
		return checkControl(op, b0, b1)
	case op == ws.OpContinuation && s.flags&fragmented == 0: // 5.4
		return unexpectedContinuation
	case op != ws.OpContinuation && s.flags&fragmented != 0: // 5.4
		return interruptedMessage
	case r.Only != 0 && op != r.Only && op != ws.OpContinuation:
		return messageType
	case b1&length7 == 126 && length < 126, b1&length7 == 127 && length < 1<<16: // 5.2
		return longLengthEncoding
	case length >= 1<<63: // 5.2
		return lengthOverflow
	case r.MaxFrame != 0 && length > r.MaxFrame:
		return frameTooLarge
	case r.MaxMessage != 0 && s.size+length > r.MaxMessage: // no overflow: size has passed, length is below 2^63
		return messageTooLarge
	}
	return 0
}

// allowsRSV: of the reserved bits only RSV1, and that on the first frame of a data message (RFC 7692
// section 6).
func (s *Scanner) allowsRSV(b0 byte) bool {
	op := ws.OpCode(b0 & opcode)
	return b0&rsv == rsv1 && s.flags&allowRSV1 != 0 && (op == ws.OpText || op == ws.OpBinary)
}

// checkControl: RFC 6455 section 5.5.
func checkControl(op ws.OpCode, b0, b1 byte) fault {
	switch {
	case b0&fin == 0:
		return fragmentedControl
	case b1&length7 > ws.MaxControlFramePayloadSize:
		return controlTooLong
	case op == ws.OpClose && b1&length7 == 1:
		return closePayload
	}
	return 0
}

// MayBeSent says whether a close frame may carry the code (RFC 6455 section 7.4; 1012 to 1014 are from
// the registry of section 11.7). ws.CheckCloseFrameData refuses 1012 to 1014 and accepts what is above 4999.
func MayBeSent(code ws.StatusCode) bool {
	switch {
	case code >= 3000:
		return code <= 4999
	case code == ws.StatusNoMeaningYet, code == ws.StatusNoStatusRcvd, code == ws.StatusAbnormalClosure:
		return false
	}
	return code >= 1000 && code <= 1014
}

// enterFrame makes a checked header's frame the one under way. It is false, with the fault set, if the
// frame is the empty end of a text that stops inside a sequence.
func (s *Scanner) enterFrame(b0 byte, key [4]byte, length uint64, r *Rules) bool {
	op := ws.OpCode(b0 & opcode)
	if op.IsControl() {
		s.set(check, op == ws.OpClose && r.ValidateUTF8)
		if op == ws.OpClose {
			s.text = textWhole // the message around it will not go on
		}
	} else {
		if op != ws.OpContinuation {
			s.set(textCheck, r.ValidateUTF8 && op == ws.OpText && b0&rsv1 == 0)
		}
		if length == 0 && b0&fin != 0 && s.flags&textCheck != 0 && s.text != textWhole {
			s.fault = invalidUTF8
			return false
		}
		s.size += length
		s.set(check, s.flags&textCheck != 0)
		s.set(fragmented, b0&fin == 0)
	}
	s.first, s.key, s.left = b0, key, length
	return true
}

// MessageLen is the length in bytes of the whole message that b begins with: its frames, sound ones, with the control
// frames between them. Control frames before a message count as one each. It is 0 if b holds no more than a part, or
// begins with a close frame, behind which nothing may be left out.
func MessageLen(b []byte) int {
	for at := 0; ; {
		n, length := parseHeader(b[at:])
		if n == 0 || uint64(len(b)-at-n) < length || ws.OpCode(b[at]&opcode) == ws.OpClose {
			return 0
		}
		control := ws.OpCode(b[at] & opcode).IsControl()
		first := at == 0
		end := b[at]&fin != 0
		if at += n + int(length); end && (!control || first) {
			return at
		}
	}
}
