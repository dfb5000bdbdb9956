package frame

import "github.com/gobwas/ws"

// CutOff has the rest of what is under way set aside: of the frame, and of the message that it belongs to. What follows passes
// again. It tells whether a message was cut off. Whoever has had the begin of it must not get what follows.
func (s *Scanner) CutOff() (message bool) {
	if s.SetsAside() || !s.InMessage() {
		return false
	}
	control := s.left > 0 && ws.OpCode(s.first&opcode).IsControl()
	if control { // its payload goes as that of a frame of data would
		s.first = byte(ws.OpContinuation)
		if s.flags&fragmented == 0 {
			s.first |= fin // and with it ends what is set aside
		}
	}
	s.flags |= aside
	s.flags &^= check | textCheck
	s.text = textWhole // nobody reads the rest of a text, which may have been cut inside a character
	return !control || s.flags&fragmented != 0
}

// Fragmented says that a message is under way whose last frame has not come.
func (s *Scanner) Fragmented() bool { return s.flags&fragmented != 0 }

// Between says that what was passed ends between two messages, and neither is one set aside.
func (s *Scanner) Between() bool { return !s.InMessage() && !s.SetsAside() }
