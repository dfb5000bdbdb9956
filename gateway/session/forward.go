package session

import (
	"weir/codec/frame"
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
	s.lane.shard.count.UpBytes += uint64(len(b))
	if s.up.closed {
		s.dropUp(b)
		return
	}
	s.passUp(b)
	if s.lane.route.Meter != nil {
		s.spendBytes(len(b))
	}
}

func (s *session) passUp(b []byte) {
	if s.up.closed {
		s.dropUp(b)
		return
	}
	counts := &s.lane.shard.count.Up
	idle := counts.Controls + counts.Parts
	if s.forward(&s.up, s.stream, b, s.upRules(), counts) {
		s.client.Pause()
		s.chargeQueues()
	}
	if s.marks.has(moving) {
		s.extra.move.awaitBoundary()
	}
	if s.spent != nil {
		s.spendFrames(counts.Controls + counts.Parts - idle)
	}
}

// forwardDown is the mirror image.
func (s *session) forwardDown(b []byte) {
	sh := s.lane.shard
	s.down.bytes += uint64(len(b))
	sh.count.DownBytes += uint64(len(b))
	if s.down.closed {
		s.dropDown(b)
		return
	}
	if s.forward(&s.down, s.toClient(), b, s.downRules(), &sh.count.Down) && s.stream != nil {
		s.stream.Pause()
		s.chargeQueues()
		s.isSlow()
	}
}

// toClient is where messages for the client go.
func (s *session) toClient() writer {
	if s.sheds() {
		return s.extra.slow
	}
	return &s.client
}

// forward walks the frames in b and passes on what is good. It tells whether the source must be paused since
// too much is queued on the other side.
func (s *session) forward(h *half, to writer, b []byte, rules *frame.Rules, counts *frame.Counts) (full bool) {
	if rules == nil {
		to.Write(b)
		return to.Full(s.lane.route.PauseAt)
	}
	for {
		pass, used, ev := s.scan(h, b, rules, counts)
		switch {
		case ev == frame.Close && (h.due != 0 || h == &s.down && s.departs()):
			s.passOn(h, to, h.scan.BeforeClose(b[:pass], rules))
		case ev == frame.Start:
			s.queueOn(h, to, b[:pass]) // goes out with the message that begins
		default:
			s.passOn(h, to, b[:pass])
		}
		aside, rest, on := b[pass:used], b[used:], true
		switch ev {
		case frame.None:
			return to.Full(s.lane.route.PauseAt)
		case frame.Start:
			rest, on = s.started(h, to, rest, rules, counts)
		case frame.Skipped, frame.Aside:
			on = s.setAside(h, to, aside, ev)
		case frame.Boundary:
			if on = s.boundary(h); on && s.marks.has(moving) && s.extra.move.leaves() && h == &s.up {
				s.keepRest(rest)
				return false
			}
		default:
			on = s.handle(h, to, ev)
		}
		if !on {
			s.drop(h, rest)
			return false
		}
		if b = rest; s.window > 0 && h == &s.up && len(b) > 0 && to.Full(s.lane.route.PauseAt) {
			s.keepRest(b) // a few bytes may have become many
			return true
		}
	}
}

// passOn sends what the scanner found good, behind what it kept from before.
func (s *session) passOn(h *half, to writer, b []byte) {
	if held := h.scan.Held(); len(held) > 0 {
		to.Queue(held)
	}
	to.Write(b)
}

// queueOn is passOn for what has more behind it.
func (s *session) queueOn(h *half, to writer, b []byte) {
	to.Queue(h.scan.Held())
	to.Queue(b)
}
