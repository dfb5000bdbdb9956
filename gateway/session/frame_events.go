package session

import (
	"weir/codec"
	"weir/codec/frame"
	"weir/gateway/reasons"
)

// handle deals with an event of the scanner and tells whether the direction goes on.
func (s *session) handle(h *half, to writer, ev frame.Event) bool {
	switch ev {
	case frame.Close:
		return s.sawClose(h)
	case frame.Pong:
		if !s.ownPong(h, h.scan.PongPayload()) {
			to.Queue(h.scan.Frame())
		}
	case frame.Ended:
		if s.marks.has(moving) && h == &s.down {
			return false
		}
		h.closed = true
		if h == &s.up {
			s.toldBackend()
		}
		s.bothClosed()
		return false
	case frame.Violation:
		s.violated(h, h.scan.Err())
		return false
	}
	return true
}

// sawClose notes a close frame that is on its way through, and tells whether it is. If one of ours is due there, that goes in
// its place.
func (s *session) sawClose(h *half) (on bool) {
	if h == &s.down && s.departs() {
		s.departed()
		return false
	}
	reason := reasons.BackendClose
	if h == &s.up {
		reason = reasons.ClientClose
	}
	if h == &s.down {
		s.judgeEnd(h.scan.CloseCode())
	}
	s.begin(reason, h.scan.CloseCode())
	if h == &s.down {
		s.backendClosed()
	}
	switch {
	case h.due == 0:
		return true
	case h == &s.up:
		s.tellBackend(h.due, s.ending().reason)
	default:
		s.sendClose()
	}
	return false
}

// violated ends a session since one side broke the protocol. Both sides are told the same code: who broke it behind what the
// other one has still to say, up to its close frame.
func (s *session) violated(h *half, err *codec.ProtocolError) {
	s.begin(err.Reason, err.Code)
	if h == &s.up {
		s.closeBackend(err.Code, err.Reason)
		if s.stream == nil || s.down.eof || s.down.due != 0 {
			s.sayDue(err.Code)
		} else if !s.down.closed {
			s.down.due = err.Code
			s.waits(&s.down)
		}
		s.settle()
		return
	}
	s.down.eof = true
	s.sayDue(err.Code)
	if s.up.eof || !s.client.Open() || s.ending().midFrame {
		s.closeBackend(err.Code, err.Reason)
	} else if !s.up.closed && s.up.scan.CloseCode() == 0 {
		s.up.due = err.Code
		s.waits(&s.up)
	}
	s.settle()
}
