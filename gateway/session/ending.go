package session

import (
	"strconv"

	"github.com/gobwas/ws"
)

// ending is what is known of how a session ends.
type ending struct {
	reason   string        // the first cause, a name from reasons.go or of a codec's fault
	code     ws.StatusCode // close code that the client was sent, or sent itself; 0: none
	midFrame bool          // the client was cut inside a frame
	waits    *half         // in which a close frame is due, behind what its source has still to say; nil: none
}

// ending is how the session ends; nil before it does.
func (s *session) ending() *ending {
	if s.extra == nil || !s.extra.ends {
		return nil
	}
	return &s.extra.end
}

// How a session ends.
//
// Either side may send a close frame, which passes like any other; the gateway may put in one of its own, on a
// frame boundary; either side may vanish. What comes first is the reason that is logged and counted. From then
// on the close timeout runs. TCP to the client ends when close frames have gone both ways. The session is over when
// both sides have ended and what they were sent has gone, or when the timeout cuts it.

// begin notes the first cause of the end and gives the rest of it a deadline.
func (s *session) begin(reason string, code ws.StatusCode) {
	if s.ending() == nil {
		m := s.extraOf()
		m.ends, m.end = true, ending{reason: reason}
		s.cancelMove()
		s.caughtUp()                 // whatever waits goes first
		if m.held || m.rest != nil { // the end is not paced
			s.loop().Schedule(&m.pace, 0, (*pacer)(s))
		}
		s.lane.shard.endings++
		if s.marks.has(evicted) {
			s.marks.set(evicted, false)
			s.lane.shard.eviction.left--
		}
		s.loop().Schedule(&s.timer, s.cfg().CloseTimeout, s)
	}
	if s.ending().code == 0 && !s.marks.has(opaque) {
		s.ending().code = code
	}
}

// bothClosed ends TCP to the client, if it has both got a close frame and sent its own. RFC 6455 section 7.1.1 has the
// server do that first: to a client that sees TCP end before its close frame has gone, the connection broke. The backend
// does it towards us, who would be left with our port in TIME_WAIT.
func (s *session) bothClosed() {
	if s.down.closed && (s.up.eof || s.up.scan.Ended()) {
		s.client.CloseWrite()
	}
	s.settle()
}

// dropUp reads what may not pass any more for the client's close frame alone.
func (s *session) dropUp(b []byte) {
	if s.marks.has(opaque) {
		return
	}
	if s.extra != nil && s.extra.rest != nil {
		s.up.scan.Discard(s.extra.rest.B)
		s.dropRest()
	}
	if s.up.scan.Discard(b) {
		s.bothClosed()
	}
}

// drop is what becomes of the rest of a read behind which nothing passes in that direction.
func (s *session) drop(h *half, rest []byte) {
	switch {
	case !h.closed || s.phase != talking:
	case h == &s.up:
		s.dropUp(rest)
	default:
		s.dropDown(rest)
	}
}

// dropDown is the same for the backend's close frame.
func (s *session) dropDown(b []byte) {
	if s.marks.has(opaque) {
		return
	}
	if said := s.backendSaid(); s.down.scan.Discard(b) && !said {
		s.backendClosed()
	}
}

// backendEnded deals with the end of what the backend sends: after its close frame that is in order, without
// one the client is told, if it can be.
func (s *session) backendEnded(reason string) {
	s.down.eof = true
	if s.marks.has(opaque) {
		s.opaqueBackendEnded(reason)
		return
	}
	if s.extra != nil && s.extra.held {
		s.loop().Schedule(&s.extra.pace, 0, (*pacer)(s)) // there is nothing to wait for
	}
	if !s.down.closed {
		s.judgeEnd(0)
		code := ws.StatusCode(s.cfg().BackendLostCode)
		s.begin(reason, code)
		s.sayDue(code)
	}
	s.bothClosed()
}

// judgeEnd counts the end of a session against its backend, if that ends it early, of its own accord, and with no word (code 0) or
// with one that says that it failed. Other codes are how applications refuse clients.
func (s *session) judgeEnd(code ws.StatusCode) {
	early := s.lane.route.Fleet.Early()
	if s.ending() != nil || s.up.eof || s.loop().Now()-s.opened >= early {
		return
	}
	switch code {
	case 0:
		s.endpoint().SessionFailed(s.from().Addr(), "session: ended early without a close frame")
	case ws.StatusInternalServerError, 1014:
		s.endpoint().SessionFailed(s.from().Addr(), "session: closed early with "+strconv.Itoa(int(code)))
	}
}

// sayDue sends the client the close frame that waited for more of the backend's, of whom nothing comes any more; or one with
// the given code.
func (s *session) sayDue(code ws.StatusCode) {
	switch {
	case s.down.closed:
	case s.down.due == 0:
		s.closeClient(code)
	case s.down.scan.AtBoundary():
		s.sendClose() // of what was kept, nothing has passed
	default:
		s.cutClient() // a close frame was due at a boundary that never came
	}
}

// waits gives the close frame that is due in a direction half of the close timeout: the other half is for its answer.
func (s *session) waits(h *half) {
	s.ending().waits = h
	s.loop().Schedule(&s.timer, s.cfg().CloseTimeout/2, s)
}

// late is called when half of the close timeout has gone, or all of it.
func (s *session) late() {
	e := s.ending()
	if e == nil || e.waits == nil {
		s.cut()
		return
	}
	h := e.waits
	e.waits = nil
	s.loop().Schedule(&s.timer, s.cfg().CloseTimeout/2, s)
	switch {
	case h == &s.up:
		s.closeBackend(h.due, e.reason)
	case h.closed:
	case s.down.scan.AtBoundary():
		s.sendClose()
	default:
		s.down.scan.WantBoundary()
	}
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
	case toBackend || toClient || s.extra.rest != nil && !s.up.closed:
	case s.stream != nil && !s.down.eof && (s.client.Open() || s.up.closed || s.up.bytes > 0 && !s.stream.Delivered()):
		// Closing the stream may reset it, and the backend would lose what is still under way to it.
	case !s.client.Open(), s.up.eof:
		s.finish()
	}
}

// unanswered is the reason text for a backend whose close frame the client did not answer in time.
const unanswered = "close_timeout"

// cut ends the session at a deadline, whatever is still under way. A backend whose client did not answer a close frame in
// time gets ours now.
func (s *session) cut() {
	if s.phase == talking {
		s.lane.shard.count.Cut++
		switch {
		case s.down.due == 0 || s.down.closed:
		case s.down.scan.AtBoundary():
			s.sendClose()
		default:
			s.ending().midFrame = true // the boundary that our close frame waited for never came
		}
		code, why := ws.StatusGoingAway, unanswered
		if s.up.due != 0 {
			code, why = s.up.due, s.ending().reason
		}
		s.closeBackend(code, why)
		if s.stream != nil && !(s.marks.has(closedUp) && s.backendSaid()) {
			s.stream.CloseWrite() // in order, as it may hear of the end only now
		}
	}
	s.finish()
}
