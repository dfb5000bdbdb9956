package session

import (
	"math"

	"github.com/gobwas/ws"

	"weir/codec"
	"weir/codec/frame"
	"weir/gateway/reasons"
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
	if s.marks.has(moving) {
		s.extra.move.awaitBoundary()
	}
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

// upRules are nil for what is no WebSocket. Else they are the route's, or those that have messages announced to a session that looks at some as a whole, or those for an
// extension.
func (s *session) upRules() *frame.Rules {
	switch {
	case marks(s.window)|s.marks&(extended|opaque) == 0:
		return &s.lane.route.UpRules
	case s.marks.has(opaque):
		return nil
	case s.window > 0:
		return &s.lane.route.UpAnnounced
	}
	return &s.lane.route.UpExtended
}

func (s *session) downRules() *frame.Rules {
	switch {
	case s.marks.has(opaque):
		return nil
	case s.window > 0 || s.sheds():
		return &s.lane.route.DownAnnounced
	case s.marks.has(extended):
		return &s.lane.route.DownExtended
	}
	return &s.lane.route.DownRules
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

// scan is the scanner's, with small messages let pass unannounced as far as that can be decided before.
func (s *session) scan(h *half, b []byte, rules *frame.Rules, counts *frame.Counts) (pass, used int, ev frame.Event) {
	if !rules.Announce {
		return h.scan.Scan(b, rules, counts)
	}
	free := s.unannounced(h)
	counts.Unannounced = free
	pass, used, ev = h.scan.Scan(b, rules, counts)
	if h == &s.up && s.spent != nil {
		s.spent.messages.Take(&s.lane.route.Meter.Terms.Message, s.loop().Now(), float64(free-counts.Unannounced))
	}
	return pass, used, ev
}

// unannounced is how many messages of a direction may pass before the next one has to be decided about, if they are small
// and not compressed.
func (s *session) unannounced(h *half) uint64 {
	r := s.lane.route
	switch m := r.Meter; {
	case h == &s.down:
		if s.sheds() || r.Compression != nil && r.Compression.Threshold <= ws.MaxControlFramePayloadSize {
			return 0
		}
	case r.JSON || m != nil && m.Shared:
		return 0
	case m != nil && m.Terms.Message.Per > 0:
		return s.spent.messages.Available(&m.Terms.Message, s.loop().Now())
	}
	return math.MaxUint64
}

// started decides about a message that begins with b, and walks its head. It gives what comes behind that, and tells
// whether the direction goes on.
func (s *session) started(h *half, to writer, b []byte, rules *frame.Rules, counts *frame.Counts) (rest []byte, on bool) {
	head, drop := h.scan.Begins(b), false
	if h == &s.up {
		if drop, on = s.meterMessage(b); !on {
			return b, false
		}
		if !drop && (head.Compressed && s.window > 0 || s.lane.route.JSON) {
			return s.takeAside(h, to, head, b, rules, counts)
		}
	} else {
		if s.sheds() {
			s.extra.slow.begun = true
		}
		if s.worth(head) && s.roomFor(head, len(b)) {
			return s.takeAside(h, to, head, b, rules, counts)
		}
	}
	pass, used, ev := h.scan.Admit(b, rules, counts, drop)
	s.queueOn(h, to, b[:pass])
	if ev == frame.Violation {
		return b[used:], s.handle(h, to, ev)
	}
	return b[used:], true
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
