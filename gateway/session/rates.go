package session

import (
	"time"

	"github.com/gobwas/ws"
	"github.com/valyala/bytebufferpool"

	"weir/gateway/plan"
	"weir/gateway/rate"
	"weir/gateway/reasons"
	"weir/netpoll"
)

// spent is what one session has used of its rates.
type spent struct {
	messages, bytes, frames rate.Bucket
}

// tally is where what several sessions send counts together.
type tally struct {
	table *rate.Table
	key   rate.Key
}

// counting appends to list, which has room for three, where what the session sends counts besides its own rate.
func (s *session) counting(in *plan.Shares, list []tally) []tally {
	if in.User != nil && s.extra.known() {
		list = append(list, tally{in.User, s.extra.user})
	}
	if in.IP != nil {
		list = append(list, tally{in.IP, s.ipKey()})
	}
	if in.Route != nil {
		list = append(list, tally{table: in.Route})
	}
	return list
}

// takeMessage counts a message that is about to begin, and tells whether it is one too many: then it counts nowhere.
func (s *session) takeMessage() (over bool) {
	m, now := s.lane.route.Meter, s.lane.shard.now()
	if m.Own && !s.spent.messages.Take(&m.Terms.Message, s.loop().Now(), 1) {
		return true
	}
	var room [3]tally
	list := s.counting(&m.Messages, room[:0])
	for i, at := range list {
		if at.table.Take(at.key, now, 1) {
			continue
		}
		for _, before := range list[:i] {
			before.table.Give(before.key, 1)
		}
		if m.Own {
			s.spent.messages.Give(&m.Terms.Message, 1)
		}
		return true
	}
	return false
}

// waitForMessage is how long until takeMessage could let the next message pass.
func (s *session) waitForMessage() time.Duration {
	m, now := s.lane.route.Meter, s.lane.shard.now()
	wait := time.Duration(0)
	if m.Own {
		wait = s.spent.messages.Wait(&m.Terms.Message, s.loop().Now(), 1)
	}
	var room [3]tally
	for _, at := range s.counting(&m.Messages, room[:0]) {
		wait = max(wait, at.table.Wait(at.key, now, 1))
	}
	return wait
}

// known tells whether sessions of the same user can be told.
func (m *extra) known() bool { return m != nil && m.who != nil && m.who.Subject != "" }

// meterMessage decides about a message that begins with b: whether it is dropped, and whether the client is read on now.
func (s *session) meterMessage(b []byte) (drop, on bool) {
	m := s.lane.route.Meter
	if m == nil || !m.Announce {
		return false, true
	}
	if m.Pause && s.ending() == nil {
		if wait := s.waitForMessage(); wait > 0 {
			s.keepRest(b)
			s.hold(wait)
			return false, false
		}
	}
	switch over := s.takeMessage(); {
	case !over || m.Pause && s.ending() != nil: // the end is not paced
		return false, true
	case m.Pause: // another loop was faster
		s.keepRest(b)
		s.hold(contended)
		return false, false
	case m.Drop:
		s.lane.shard.count.Dropped++
		return true, true
	default:
		s.hangUp(reasons.MessageRate, ws.StatusCode(s.cfg().RateCode))
		return false, false
	}
}

// contended is when to ask again for what two loops wanted at once.
const contended = 20 * time.Millisecond

// spendBytes counts what was read, and has the client read on only when all rates allow it.
func (s *session) spendBytes(n int) {
	m, now, wait := s.lane.route.Meter, s.lane.shard.now(), time.Duration(0)
	if s.spent != nil {
		wait = s.spent.bytes.Spend(&m.Terms.Bytes, s.loop().Now(), float64(n))
	}
	var room [3]tally
	for _, at := range s.counting(&m.AllBytes, room[:0]) {
		wait = max(wait, at.table.Spend(at.key, now, float64(n)))
	}
	if wait > 0 && s.phase == talking && s.ending() == nil {
		s.hold(wait)
	}
}

// spendFrames counts frames that bring no message to its end, of which a client needs few.
func (s *session) spendFrames(n uint64) {
	wait := s.spent.frames.Spend(&s.lane.route.Meter.Terms.Frames, s.loop().Now(), float64(n))
	if wait > 0 && s.phase == talking && s.ending() == nil {
		s.hangUp(reasons.FrameRate, ws.StatusPolicyViolation)
	}
}

// hold reads the client no more for a while.
func (s *session) hold(wait time.Duration) {
	m := s.extraOf()
	if m.held {
		wait = max(wait, m.until-s.loop().Now())
	}
	m.held, m.until = true, s.loop().Now()+wait
	s.client.Pause()
	s.loop().Schedule(&m.pace, wait, (*pacer)(s))
}

// keepRest copies what was read and may not pass yet: no more than a read, as there is none before it has passed.
func (s *session) keepRest(b []byte) {
	if len(b) > 0 {
		m := s.extraOf()
		m.rest = bytebufferpool.Get()
		m.rest.B = append(m.rest.B, b...)
	}
}

func (s *session) dropRest() {
	if s.extra.rest != nil {
		bytebufferpool.Put(s.extra.rest)
		s.extra.rest = nil
	}
}

// pacer is a session whose client has waited long enough.
type pacer session

// OnTimer lets pass what was kept, and reads the client again.
func (p *pacer) OnTimer(*netpoll.Timer) {
	s := (*session)(p)
	s.extra.held = false
	s.up.heard = s.now() // it was not silent, we were deaf
	s.goOn()
}

// goOn lets pass what was kept of the client's bytes and then reads it again, unless its rates or a backend that takes
// no more speak against it.
func (s *session) goOn() {
	if m := s.extra; m != nil {
		if m.held {
			return
		}
		s.chargeQueues()
		if rest := m.rest; rest != nil {
			m.rest = nil
			s.passUp(rest.B)
			bytebufferpool.Put(rest)
		}
		if m.held || m.rest != nil {
			return
		}
		if m.ended && s.phase == talking {
			m.ended = false
			(*clientSide)(s).OnEOF(&s.client)
			return
		}
	}
	if s.stream == nil || !s.stream.Full(s.lane.route.PauseAt) {
		s.client.Resume()
	}
}

func (s *session) ipKey() rate.Key {
	return rate.IPKey(s.from().Addr(), s.cfg().IPv6Prefix)
}
