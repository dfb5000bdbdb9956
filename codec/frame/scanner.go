package frame

import (
	"encoding/binary"
	"math"

	"github.com/gobwas/ws"

	"weir/codec"
)

// Rules is what one direction allows. Immutable, shared by sessions.
type Rules struct {
	Masked       bool   // frames must be masked (from a client); else they must not be (from a backend): RFC 6455 section 5.1
	MaxFrame     uint64 // payload bytes of one data frame, as on the wire; 0: no limit
	MaxMessage   uint64 // payload bytes of all the frames of one message, as on the wire; 0: no limit
	ValidateUTF8 bool   // check uncompressed text messages and close reasons: RFC 6455 section 8.1

	Extended bool // an extension was agreed on that may use reserved bits and opcodes (RFC 6455 section 9.2)

	Only     ws.OpCode // the one kind of data message that may come, text or binary; 0: both
	Announce bool      // each data message is an event before it passes: Start; but see Counts.Unannounced
}

// Counts are kept per loop and direction, cumulative.
type Counts struct {
	Frames   uint64 // whose header was good, of any kind
	Messages uint64 // data messages whose last frame has wholly passed
	Controls uint64 // frames that were control frames; a pong given as an event counts too
	Parts    uint64 // frames of data that did not end their message

	// Unannounced is set before a Scan: how many small messages may pass without a Start. Those that did are taken off.
	Unannounced uint64
}

// Event says why Scan came back.
type Event uint8

const (
	None      Event = iota // all of b was walked
	Boundary               // asked for by WantBoundary: what was passed ends with a whole frame
	Close                  // what was passed ends behind a close frame's header and code; the reason follows as payload
	Pong                   // asked for by ExpectPong: an 8-byte pong, not passed; see Frame and PongPayload
	Start                  // asked for by Rules.Announce: what was passed ends where a data message begins; go on with Admit
	Skipped                // a frame's head was used and not passed, as its message is set aside
	Aside                  // payload of a message that is set aside: b[pass:used], masked as it came; see Unmask
	Ended                  // the close frame has wholly passed; whatever follows is dropped (RFC 6455 section 5.5.1)
	Violation              // Err tells the rule; what was passed is good, nothing after is
)

// maxKept is the longest header, and also a masked pong with 8 bytes of payload.
const maxKept = ws.MaxHeaderSize

// Scanner's flags.
const (
	allowRSV1  = 1 << iota // permessage-deflate was negotiated
	expectPong             // 8-byte pongs are events
	wantBoundary
	fragmented // a data frame without FIN went by: a continuation must follow
	textCheck  // the message under way is checked as text
	check      // the payload of the frame under way is checked
	ended      // a close frame went by
	aside      // the data message under way does not pass
)

// Scanner is the state of one direction of one session; the zero value stands before the first frame.
// It has no pointers and may be copied. All of it is owned by the loop.
type Scanner struct {
	left uint64 // payload bytes of the frame under way that are still to come
	size uint64 // payload bytes of the message under way, as its headers announced them

	code  ws.StatusCode // of the close frame
	flags uint8
	fault fault
	first byte  // the frame's first byte: FIN and opcode
	text  uint8 // utf8.go's state in the checked payload
	pos   uint8 // place in the mask of the next payload byte, kept up only if checked or set aside
	nKept uint8
	nHeld uint8
	key   [4]byte       // the frame's mask, zero if it has none
	kept  [maxKept]byte // the head of a frame, not yet whole; after Pong the pong
	held  [maxKept - 1]byte
}

// Scan walks b, the bytes which follow those of the last call (after an event: b[used:] of the same
// slice, even if that is empty). Held, then b[:pass] may be passed on; used >= pass bytes of b were
// dealt with, the difference being kept inside, given as a Pong, set aside, or dropped. Ended and Violation are
// final: every later call gives them again, using all of b. Ended does so at once; what a Violation leaves is for Discard.
//
// A UTF-8 fault is found at the first byte that no valid text can have there, and that byte is not
// passed; the start of its broken sequence may have been. A text that ends inside a sequence is found
// at its last byte, or at the header of an empty last frame. So no bad text is ever passed whole.
func (s *Scanner) Scan(b []byte, r *Rules, c *Counts) (pass, used int, ev Event) {
	s.nHeld = 0
	if s.fault != 0 {
		return 0, len(b), Violation
	}
	for i := 0; ; {
		if s.left > 0 {
			n := s.walkPayload(b[i:])
			if s.isAside() {
				return s.asidePayload(i, n, c)
			}
			i += n
			if s.fault != 0 {
				return i, i, Violation
			}
			if s.left > 0 {
				return i, i, None
			}
			s.finishFrame(c)
		}
		if s.flags&(ended|wantBoundary) != 0 {
			if s.flags&ended != 0 {
				return i, len(b), Ended
			}
			s.flags &^= wantBoundary
			return i, i, Boundary
		}
		i += s.walkSmall(b[i:], r, c)
		if i == len(b) {
			return i, i, None
		}
		pass, used, ev = s.walkHead(b[i:], r, c, false)
		if i += pass; ev != None || pass != used {
			return i, i + used - pass, ev
		}
	}
}

// walkSmall is the fast path: as many whole, unfragmented, unchecked data frames of up to 125 bytes as
// b begins with. It leaves everything else, faults too, to walkHead.
func (s *Scanner) walkSmall(b []byte, r *Rules, c *Counts) int {
	if s.nKept != 0 || s.flags&fragmented != 0 || r.ValidateUTF8 || r.Only != 0 {
		return 0
	}
	most := uint64(math.MaxUint64)
	if r.Announce {
		most = c.Unannounced
	}
	if min(r.MaxFrame-1, r.MaxMessage-1) < ws.MaxControlFramePayloadSize-1 { // 0 wraps to no limit
		return 0
	}
	head, maskBit, allowed := 2, byte(0), byte(0)
	if r.Masked {
		head, maskBit = 6, mask
	}
	if s.flags&allowRSV1 != 0 && !r.Announce {
		allowed = rsv1
	}
	i, n := 0, uint64(0)
	for len(b)-i >= 2 && n < most {
		length := int(b[i+1] ^ maskBit) // a wrong mask bit makes it more than 127
		end := i + head + length
		if length > 125 || end > len(b) || b[i]&^allowed-(fin|byte(ws.OpText)) > 1 {
			break
		}
		i = end
		n++
	}
	c.Frames += n
	c.Messages += n
	if r.Announce {
		c.Unannounced -= n
	}
	return i
}

// walkPayload takes as much of the frame's payload as b begins with, up to a fault.
func (s *Scanner) walkPayload(b []byte) int {
	n := len(b)
	if uint64(n) > s.left {
		n = int(s.left)
	}
	if s.flags&check != 0 {
		n = s.checkText(b[:n])
	}
	s.left -= uint64(n)
	return n
}

// checkText returns how much of p is good, and sets the fault if that is not all of it.
func (s *Scanner) checkText(p []byte) int {
	state, n := validateUTF8(s.text, p, s.key, s.pos)
	s.text, s.pos = state, s.pos+uint8(n)
	switch {
	case n < len(p):
		s.fault = invalidUTF8
	case uint64(n) == s.left && s.first&fin != 0 && state != textWhole:
		s.fault = invalidUTF8
		n--
	}
	return n
}

// finishFrame notes that the frame under way has wholly passed.
func (s *Scanner) finishFrame(c *Counts) {
	switch op := ws.OpCode(s.first & opcode); {
	case op == ws.OpClose:
		s.flags |= ended
	case op.IsData() && s.first&fin != 0:
		if s.flags&aside == 0 {
			c.Messages++
		}
		s.flags &^= aside
		s.size = 0
	}
}

// Held is what earlier calls kept and the last one found good; it goes out before b[:pass]. At most 13
// bytes, valid until the next Scan.
func (s *Scanner) Held() []byte { return s.held[:s.nHeld] }

// Buffered is how many bytes are kept inside, waiting for more.
func (s *Scanner) Buffered() int {
	if s.fault != 0 {
		return 0
	}
	return int(s.nKept)
}

// AllowRSV1 says that permessage-deflate was negotiated: RSV1 may be set on the first frame of a data
// message, which is then not checked as text (RFC 7692 section 6).
func (s *Scanner) AllowRSV1(on bool) { s.set(allowRSV1, on) }

// WantBoundary asks for one Boundary event, at once if the Scanner stands between two frames.
func (s *Scanner) WantBoundary() { s.set(wantBoundary, true) }

// ExpectPong says whether a pong with 8 bytes of payload is an event. One whose payload has begun to be
// kept becomes an event even if this is switched off meanwhile.
func (s *Scanner) ExpectPong(on bool) { s.set(expectPong, on) }

func (s *Scanner) set(flag uint8, on bool) {
	s.flags &^= flag
	if on {
		s.flags |= flag
	}
}

// AtBoundary says that what was passed ends with a whole frame. Kept bytes are not passed yet.
func (s *Scanner) AtBoundary() bool { return s.left == 0 || s.isAside() }

// InMessage says that what was passed ends inside a frame or between the frames of a message.
func (s *Scanner) InMessage() bool { return s.left > 0 || s.flags&fragmented != 0 }

// CloseCode is the code of the close frame, from the Close event on: 1005 if the frame had none
// (RFC 6455 section 7.1.5), 0 before.
func (s *Scanner) CloseCode() ws.StatusCode { return s.code }

// Err is the rule that was broken, from the Violation on, nil before.
func (s *Scanner) Err() *codec.ProtocolError { return violations[s.fault] }

// Frame is the pong of the Pong event as it came, to be passed on if it answers someone else's ping: 10
// or 14 bytes, valid until the next Scan.
func (s *Scanner) Frame() []byte {
	if s.kept[1]&mask != 0 {
		return s.kept[:14]
	}
	return s.kept[:10]
}

// PongPayload is the payload of the Pong event, unmasked.
func (s *Scanner) PongPayload() (p [8]byte) {
	f := s.Frame()
	copy(p[:], f[len(f)-8:])
	if len(f) == 14 {
		x := uint64(binary.LittleEndian.Uint32(f[2:]))
		binary.LittleEndian.PutUint64(p[:], binary.LittleEndian.Uint64(p[:])^(x|x<<32))
	}
	return p
}
