package session

import (
	"math"

	"github.com/gobwas/ws"

	"weir/codec/frame"
)

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
