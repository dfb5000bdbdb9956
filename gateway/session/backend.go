package session

import (
	"weir/gateway/observe"
	"weir/gateway/reasons"
	"weir/upstream"
)

// What a session hears of its backend, by its stream.

// OnBackendData is called by the stream.
func (s *session) OnBackendData(b []byte) {
	if s.phase == declining {
		s.passBody(b)
		return
	}
	s.down.heard = s.now()
	if s.marks.has(moving) && s.extra.move.said {
		return // behind its close frame
	}
	s.forwardDown(b)
	if s.marks.has(moving) {
		s.extra.move.awaitBoundary()
	}
}

// OnBackendDrained is called by the stream: the client may be read again.
func (s *session) OnBackendDrained() {
	s.goOn()
	s.settle()
}

// OnBackendEOF is called by the stream: the backend has said all it will, with or without a close frame.
func (s *session) OnBackendEOF() {
	if s.phase == declining {
		s.finishBody(true)
		return
	}
	if s.outlives(observe.MoveGone) {
		return
	}
	s.backendEnded(reasons.BackendGone)
}

// OnBackendLost is called by the stream, which is closed by now.
func (s *session) OnBackendLost(error) {
	s.lostStream()
	s.chargeQueues()
	if s.phase == talking && s.outlives(observe.MoveLost) {
		return
	}
	s.up.closed = true
	s.client.Resume() // it may be waiting for a backend that took no more
	if s.phase == declining {
		s.finishBody(false)
		return
	}
	s.backendEnded(reasons.BackendLost)
}

// OnBackendLeaving is called by the stream: its connection ends once the sessions on it have.
func (s *session) OnBackendLeaving() {
	if s.phase == talking {
		s.lane.shard.relocation.add(s, observe.MoveGoAway)
	}
}

var _ upstream.Sink = (*session)(nil)
