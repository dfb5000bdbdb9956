package gateway

import (
	"github.com/gobwas/ws"

	"weir/codec/frame"
)

// How a session ends.
//
// Either side may send a close frame, which passes like any other; the gateway may put in one of its own, on a
// frame boundary; either side may vanish. What comes first is the reason that is logged and counted. From then
// on the close timeout runs. The session is over when both sides have ended and what they were sent has gone,
// or when the timeout cuts it.

// badGateway says that what stands behind the gateway failed (IANA's registry, beside RFC 6455 section 7.4).
const badGateway ws.StatusCode = 1014

// begin notes the first cause of the end and gives the rest of it a deadline.
func (s *session) begin(reason string, code ws.StatusCode) {
	if s.ending() == nil {
		m := s.moreOf()
		m.ends, m.end = true, ending{reason: reason}
		s.caughtUp()                 // whatever waits goes first
		if m.held || m.rest != nil { // the end is not paced
			s.loop().Schedule(&m.pace, 0, (*pacer)(s))
		}
		s.lane.shard.ending++
		if s.marks.has(evicted) {
			s.marks.set(evicted, false)
			s.lane.shard.eviction.left--
		}
		s.loop().Schedule(&s.timer, s.cfg().CloseTimeout, s)
	}
	if s.ending().code == 0 {
		s.ending().code = code
	}
}

// hangUp ends the session on the gateway's own account.
func (s *session) hangUp(reason string, code ws.StatusCode) {
	s.begin(reason, code)
	s.closeBackend(code)
	s.closeClient(code)
	s.settle()
}

// closeClient puts a close frame into the direction to the client as soon as a frame boundary allows it.
func (s *session) closeClient(code ws.StatusCode) {
	if s.down.closed || s.down.due != 0 {
		return
	}
	s.down.due = code
	switch {
	case s.down.scan.AtBoundary() && !s.awaitsWhole():
		s.dropGathered(&s.down)
		s.sendClose()
	case s.down.eof:
		s.cutClient()
	default:
		s.down.scan.WantBoundary()
	}
}

// awaitsWhole tells whether a message of the backend's is under way of which nothing has passed, and which should still.
func (s *session) awaitsWhole() bool {
	return s.gathers(&s.down) && !s.down.eof && s.ending().reason == reasonDrain
}

// sendClose sends the close frame that is due to the client. Nothing of the backend's follows it. If the client
// has sent its own already, or can say nothing more that is wanted, our direction ends behind it.
func (s *session) sendClose() {
	sh := s.lane.shard
	sh.scratch = frame.AppendClose(sh.scratch[:0], s.down.due, "", nil)
	s.client.Write(sh.scratch)
	s.down.closed = true
	if s.stream != nil {
		s.stream.Resume() // it may be waiting for a client that no longer counts; what it sends is dropped
	}
	s.bothClosed()
}

// cutClient ends the direction to the client inside a frame, where no close frame can be understood.
func (s *session) cutClient() {
	s.down.closed = true
	s.ending().midFrame = true
	s.client.CloseWrite()
}

// closeBackend tells the backend with a close frame, upon which it ends TCP (see bothClosed), or ends the direction to
// it where no such frame can be understood. What the client sends from now on is dropped.
func (s *session) closeBackend(code ws.StatusCode) {
	if s.up.closed {
		return
	}
	s.up.closed = true
	s.client.Resume()
	if s.stream == nil {
		return
	}
	if !s.up.scan.AtBoundary() {
		s.stream.CloseWrite()
		return
	}
	sh := s.lane.shard
	key := sh.maskKey()
	sh.scratch = frame.AppendClose(sh.scratch[:0], code, "", &key)
	s.stream.Write(sh.scratch)
}

// bothClosed ends TCP as well once close frames have gone both ways. RFC 6455 section 7.1.1 has the server do it
// first: that is us towards the client, but the backend towards us, who would be left with its port in TIME_WAIT.
func (s *session) bothClosed() {
	if !s.up.closed || !s.down.closed {
		return
	}
	s.client.CloseWrite()
	s.settle()
}

// backendEnded deals with the end of what the backend sends: after its close frame that is in order, without
// one the client is told, if it can be.
func (s *session) backendEnded(reason string) {
	s.down.eof = true
	if !s.down.closed {
		s.begin(reason, badGateway)
		switch {
		case s.down.due == 0:
			s.closeClient(badGateway)
		case s.down.scan.AtBoundary():
			s.sendClose() // of what was kept, nothing has passed
		default:
			s.cutClient() // a close frame was due at a boundary that never came
		}
	}
	s.client.CloseWrite()
	s.settle()
}

// settle finishes the session if nothing is left to wait for.
func (s *session) settle() {
	if s.ending() == nil || s.phase != talking {
		return
	}
	toBackend := s.stream != nil && s.stream.Buffered() > 0
	toClient := s.client.Open() && s.client.Buffered() > 0
	switch {
	case toBackend || toClient || s.more.rest != nil && !s.up.closed:
	case s.stream != nil && !s.down.eof && (s.client.Open() || s.up.closed || s.up.bytes > 0 && !s.stream.Delivered()):
		// Closing the stream may reset it, and the backend would lose what is still under way to it.
	case !s.client.Open(), s.up.eof:
		s.finish()
	}
}

// cut ends the session at a deadline, whatever is still under way. A backend whose client did not answer our
// close frame in time gets its own now.
func (s *session) cut() {
	if s.phase == talking {
		s.lane.shard.count.cut++
		switch {
		case s.down.due == 0 || s.down.closed:
		case s.down.scan.AtBoundary():
			s.sendClose()
		default:
			s.ending().midFrame = true // the boundary that our close frame waited for never came
		}
		s.closeBackend(ws.StatusGoingAway)
		if s.stream != nil {
			s.stream.CloseWrite() // in order, as it may hear of the end only now
		}
	}
	s.finish()
}
