package gateway

import (
	"weir/codec/frame"
	"weir/upstream"
)

// writer is where a direction leads: the client's connection or the stream.
type writer interface {
	Write(b []byte)
	Queue(b []byte)
	Full(limit int) bool
}

// forwardUp passes what the client sent to the backend, in the very slice it was read into.
func (s *session) forwardUp(b []byte) {
	s.up.bytes += uint64(len(b))
	s.lane.shard.count.upBytes += uint64(len(b))
	if s.stream == nil || s.up.closed {
		return // after a close frame the rest is read only to see its end
	}
	s.passUp(b)
	if s.lane.route.meter != nil {
		s.spend(len(b))
	}
}

func (s *session) passUp(b []byte) {
	if s.stream == nil || s.up.closed {
		return
	}
	if s.forward(&s.up, s.stream, b, &s.lane.route.upRules, &s.lane.shard.count.up) {
		s.client.Pause()
	}
}

// forwardDown is the mirror image.
func (s *session) forwardDown(b []byte) {
	sh := s.lane.shard
	s.down.bytes += uint64(len(b))
	sh.count.downBytes += uint64(len(b))
	if s.down.closed {
		return
	}
	if s.forward(&s.down, &s.client, b, &s.lane.route.downRules, &sh.count.down) && s.stream != nil {
		s.stream.Pause()
	}
}

// forward walks the frames in b and passes on what is good. It tells whether the source must be paused since
// too much is queued on the other side.
func (s *session) forward(h *half, to writer, b []byte, rules *frame.Rules, counts *frame.Counts) (full bool) {
	for {
		pass, used, ev := h.scan.Scan(b, rules, counts)
		s.passOn(h, to, b[:pass])
		if ev == frame.None {
			break
		}
		b = b[used:]
		if ev == frame.Start {
			if pass, used, ev = s.started(h, b, rules, counts); used == 0 {
				return false
			}
			s.passOn(h, to, b[:pass])
			b = b[used:]
		}
		if ev != frame.None && !s.handle(h, to, ev) {
			return false
		}
	}
	return to.Full(s.lane.shard.gw.pauseAt)
}

// passOn sends what the scanner found good, behind what it kept from before.
func (s *session) passOn(h *half, to writer, b []byte) {
	if held := h.scan.Held(); len(held) > 0 {
		to.Queue(held)
	}
	to.Write(b)
}

// handle deals with an event of the scanner and tells whether the direction goes on.
func (s *session) handle(h *half, to writer, ev frame.Event) bool {
	switch ev {
	case frame.Close:
		s.sawClose(h)
	case frame.Boundary:
		return s.boundary()
	case frame.Pong:
		if !s.ownPong(h.scan.PongPayload()) {
			to.Queue(h.scan.Frame())
		}
	case frame.Ended:
		h.closed = true
		s.bothClosed()
		return false
	case frame.Violation:
		s.violated(h)
		return false
	}
	return true
}

// OnBackendData is called by the stream.
func (s *session) OnBackendData(b []byte) {
	if s.phase == declining {
		s.passBody(b)
		return
	}
	s.down.heard = s.now()
	s.forwardDown(b)
}

// OnBackendDrained is called by the stream: the client may be read again.
func (s *session) OnBackendDrained() {
	s.readClient()
	s.settle()
}

// OnBackendEOF is called by the stream: the backend has said all it will, with or without a close frame.
func (s *session) OnBackendEOF() {
	if s.phase == declining {
		s.finishBody(true)
		return
	}
	s.backendEnded(reasonBackendGone)
}

// OnBackendLost is called by the stream, which is closed by now.
func (s *session) OnBackendLost(error) {
	s.stream = nil
	s.up.closed = true
	s.client.Resume() // it may be waiting for a backend that took no more
	if s.phase == declining {
		s.finishBody(false)
		return
	}
	s.backendEnded(reasonBackendLost)
}

var _ upstream.Sink = (*session)(nil)

// sawClose notes a close frame that is on its way through.
func (s *session) sawClose(h *half) {
	reason := reasonBackendClose
	if h == &s.up {
		reason = reasonClientClose
	}
	s.begin(reason, h.scan.CloseCode())
}

// violated ends a session since one side broke the protocol. Both sides are told the same code.
func (s *session) violated(h *half) {
	err := h.scan.Err()
	s.begin(err.Reason, err.Code)
	h.eof = h == &s.down
	s.closeBackend(err.Code)
	s.closeClient(err.Code)
	s.settle()
}

// ownPong tells whether a pong answers one of our pings; those the backend sent are answered to the backend.
func (s *session) ownPong(payload [8]byte) bool {
	n, own := s.lane.shard.gw.pingNumber(payload)
	if own && uint16(n) == s.pings && s.pingAt != 0 {
		s.lane.shard.count.pongs++
		s.lane.shard.gw.metrics.pongTime.Update(s.since(s.pingAt).Seconds())
		s.pingAt = 0
	}
	return own
}

// boundary is called between two frames towards the client, when we have something to say. It tells whether
// the backend's frames go on.
func (s *session) boundary() bool {
	if s.down.due != 0 {
		s.sendClose()
		return false
	}
	if s.pingDue {
		s.sendPing()
	}
	return true
}
