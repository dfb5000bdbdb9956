package frame

import "github.com/gobwas/ws"

// Discard takes b, which follows what was used so far, when nothing of it may pass any more: it looks only for the
// peer's close frame, which a close handshake waits for (RFC 6455 section 7.1.2), and tells whether all of it has come.
// Frames need not be sound, as long as their lengths tell where they end. Behind it no method but [Scanner.Ended] means
// anything.
func (s *Scanner) Discard(b []byte) (closed bool) {
	for !s.Ended() {
		n := min(uint64(len(b)), s.left)
		s.left -= n
		b = b[n:]
		if s.left > 0 || ws.OpCode(s.first&opcode) != ws.OpClose && !s.nextHead(&b) {
			return false
		}
		if s.left == 0 && ws.OpCode(s.first&opcode) == ws.OpClose {
			s.flags |= ended
		}
	}
	return true
}

// nextHead enters the frame that b goes on with behind what was kept, if its header is whole.
func (s *Scanner) nextHead(b *[]byte) bool {
	h, before := *b, int(s.nKept)
	if before > 0 {
		h = s.kept[:before+copy(s.kept[before:], h)]
	}
	n, length := parseHeader(h)
	if n == 0 {
		s.nKept = uint8(copy(s.kept[:], h))
		return false
	}
	s.first, s.left, s.nKept = h[0], length, 0
	if n < before { // what was kept has payload, too
		s.left -= uint64(before - n)
		return true
	}
	*b = (*b)[n-before:]
	return true
}

// Ended tells whether the peer's close frame has wholly come, passed or discarded.
func (s *Scanner) Ended() bool { return s.flags&ended != 0 }

// BeforeClose is what of passed, which ended with a Close event under r, stands before the head of the close frame. If Held
// was the beginning of that head, it is empty now.
func (s *Scanner) BeforeClose(passed []byte, r *Rules) []byte {
	head := ws.MinHeaderSize
	if r.Masked {
		head += len(s.key)
	}
	if s.code != ws.StatusNoStatusRcvd {
		head += 2
	}
	if len(passed) < head {
		s.nHeld = 0
		return nil
	}
	return passed[:len(passed)-head]
}
