package frame

import "github.com/gobwas/ws"

// Messages that the caller decides about, and those that it takes aside.

// Admit goes on after Start, as Scan does, with no more than the head of the message that begins. It passes with what
// follows, or is set aside: no byte of any of its frames is passed, while control frames between them are. What is set
// aside counts as frames, not as a message.
func (s *Scanner) Admit(b []byte, r *Rules, c *Counts, away bool) (pass, used int, ev Event) {
	s.nHeld = 0
	s.set(aside, away)
	if pass, used, ev = s.walkHead(b, r, c, true); !away {
		return pass, used, ev
	}
	s.flags &^= check // nobody will read it
	return 0, used, ev
}

// isAside tells whether the frame under way does not pass.
func (s *Scanner) isAside() bool { return s.flags&aside != 0 && ws.OpCode(s.first&opcode).IsData() }

// asidePayload ends a Scan inside a frame that does not pass: i bytes before it do, and n bytes of it are used up.
func (s *Scanner) asidePayload(i, n int, c *Counts) (pass, used int, ev Event) {
	if s.left == 0 {
		s.finishFrame(c)
	}
	if n == 0 {
		return i, i, None
	}
	s.pos += uint8(n)
	return i, i + n, Aside
}

// Unmask takes the mask off the payload that the last Scan set aside, where it lies.
func (s *Scanner) Unmask(p []byte) {
	if s.key != [4]byte{} {
		Mask(p, s.key, (int(s.pos)-len(p))&3)
	}
}

// SetsAside tells whether a message that is set aside has not ended yet.
func (s *Scanner) SetsAside() bool { return s.flags&aside != 0 }

// Begins reads the head of the message that Start announced; b is what Admit gets next.
func (s *Scanner) Begins(b []byte) Head {
	var room [maxKept]byte
	h := append(append(room[:0], s.kept[:s.nKept]...), b[:min(len(b), maxKept-int(s.nKept))]...)
	_, length := parseHeader(h)
	return Head{Length: length, Op: ws.OpCode(h[0] & opcode), Compressed: h[0]&rsv1 != 0, Last: h[0]&fin != 0}
}

// Head is what a data message's first frame says of it.
type Head struct {
	Length     uint64 // of the frame's payload, in bytes
	Op         ws.OpCode
	Compressed bool // RSV1 (RFC 7692 section 6)
	Last       bool // FIN: it is the whole message
}
