package gateway

import (
	"time"

	"github.com/gobwas/ws"

	"weir/codec/frame"
)

// Close frames of the gateway, to both sides.

// hangUp ends the session on the gateway's own account.
func (s *session) hangUp(reason string, code ws.StatusCode) {
	s.begin(reason, code)
	s.closeBackend(code, reason)
	s.closeClient(code)
	s.settle()
}

// closeClient puts a close frame into the direction to the client as soon as a frame boundary allows it.
func (s *session) closeClient(code ws.StatusCode) {
	if s.down.closed || s.down.due != 0 {
		return
	}
	if s.marks.has(opaque) {
		s.endClient()
		return
	}
	s.down.due = code
	switch {
	case s.down.scan.AtBoundary() && !s.awaitsWhole():
		s.sendClose()
	case s.down.eof:
		s.cutClient()
	default:
		s.down.scan.WantBoundary()
		s.waits(&s.down)
	}
}

// awaitsWhole tells whether a message of the backend's is under way of which nothing has passed, and which should still.
func (s *session) awaitsWhole() bool {
	reason := s.ending().reason
	return s.gathers(&s.down) && !s.down.eof && (reason == reasonDrain || reason == reasonReload)
}

// sendClose sends the close frame that is due to the client. Nothing of the backend's follows it. A client that has sent one
// gets its own code back (RFC 6455 section 5.5.1).
func (s *session) sendClose() {
	sh, e := s.lane.shard, s.ending()
	code, why := s.down.due, e.reason
	if own := s.up.scan.CloseCode(); own != 0 && s.up.scan.Err() == nil {
		code, why = own, ""
	}
	e.code = code
	s.dropGathered(&s.down)
	sh.scratch = frame.AppendClose(sh.scratch[:0], code, why, nil)
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
func (s *session) closeBackend(code ws.StatusCode, why string) {
	switch {
	case s.up.closed:
	case s.up.scan.AtBoundary() && !s.marks.has(opaque):
		s.tellBackend(code, why)
	default:
		s.up.closed = true
		s.client.Resume()
		if s.stream != nil {
			s.stream.CloseWrite()
		}
	}
}

// tellBackend is closeBackend between two frames.
func (s *session) tellBackend(code ws.StatusCode, why string) {
	s.up.closed = true
	s.client.Resume()
	if s.stream != nil {
		sh := s.lane.shard
		key := sh.maskKey()
		sh.scratch = frame.AppendClose(sh.scratch[:0], code, why, &key)
		s.stream.Write(sh.scratch)
		s.toldBackend()
	}
}

// toldBackend notes that a close frame has gone to the backend. If it answers the backend's, nothing may follow.
func (s *session) toldBackend() {
	s.marks.set(closedUp, true)
	if s.backendSaid() {
		s.stream.Parted(true)
	}
}

// backendSaid tells whether the backend has sent a close frame.
func (s *session) backendSaid() bool { return s.down.scan.CloseCode() != 0 || s.down.scan.Ended() }

// answerGrace is for backends that share a connection among sessions and end a stream right behind their close frame: an
// answer that comes in between is DATA for a stream that some of them have forgotten, and ends the connection. Those that wait
// for the answer get it so much later.
const answerGrace = 50 * time.Millisecond

// backendClosed notes a close frame of the backend's.
func (s *session) backendClosed() {
	switch {
	case s.stream == nil:
	case s.marks.has(closedUp):
		s.stream.Parted(false)
	case s.stream.Shared() && !s.up.closed:
		s.more.held = false // by a rate, for longer
		s.hold(answerGrace)
	}
}

// inGrace tells whether what the client says waits for the end of the backend's stream.
func (s *session) inGrace() bool { return s.more.held && s.backendSaid() && !s.up.closed }
