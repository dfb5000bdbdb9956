package gateway

import (
	"time"

	"github.com/gobwas/ws"
	"github.com/valyala/bytebufferpool"

	"weir/codec/frame"
	"weir/gateway/config"
	"weir/gateway/rate"
	"weir/netpoll"
)

// meter says how much the sessions of a route may send. Immutable; the tables are for any goroutine.
type meter struct {
	message, bytes      rate.Limit // of one session
	perUser, perIP, all *rate.Table
	announce            bool // each message is looked at before it passes
	pause               bool // the client is read later, instead
	drop                bool
}

func newMeter(cfg *config.Config) *meter {
	m := &meter{message: cfg.MessageRate, bytes: cfg.ByteRate, pause: cfg.RateAction == config.RatePause, drop: cfg.RateAction == config.RateDrop}
	table := func(l rate.Limit, keys int) *rate.Table {
		if l.Per == 0 {
			return nil
		}
		return rate.NewTable(l, keys, rate.Allow)
	}
	m.perUser, m.perIP, m.all = table(cfg.MessageRateUser, cfg.RateTable), table(cfg.MessageRateIP, cfg.RateTable), table(cfg.MessageRateRoute, 1)
	messages := m.message.Per > 0 || m.perUser != nil || m.perIP != nil || m.all != nil
	if !messages && m.bytes.Per == 0 {
		return nil
	}
	m.announce = messages
	return m
}

// takeMessage counts a message that is about to begin, and tells whether it is one too many.
func (s *session) takeMessage() (over bool) {
	m, more, now := s.lane.route.meter, s.more, s.lane.shard.now()
	return !more.messages.Take(&m.message, s.loop().Now(), 1) ||
		m.perUser != nil && more.known() && !m.perUser.Take(more.user, now, 1) ||
		m.perIP != nil && !m.perIP.Take(s.ipKey(), now, 1) ||
		m.all != nil && !m.all.Take(rate.Key{}, now, 1)
}

// waitForMessage is how long until takeMessage could let the next message pass.
func (s *session) waitForMessage() time.Duration {
	m, more, now := s.lane.route.meter, s.more, s.lane.shard.now()
	wait := more.messages.Wait(&m.message, s.loop().Now(), 1)
	if m.perUser != nil && more.known() {
		wait = max(wait, m.perUser.Wait(more.user, now, 1))
	}
	if m.perIP != nil {
		wait = max(wait, m.perIP.Wait(s.ipKey(), now, 1))
	}
	if m.all != nil {
		wait = max(wait, m.all.Wait(rate.Key{}, now, 1))
	}
	return wait
}

// known tells whether sessions of the same user can be told.
func (m *more) known() bool { return m.who != nil && m.who.Subject != "" }

// started decides about a message that begins with b, and walks its head. It uses nothing if no more passes now.
func (s *session) started(h *half, b []byte, rules *frame.Rules, counts *frame.Counts) (pass, used int, ev frame.Event) {
	m := s.lane.route.meter
	if m.pause && s.ending() == nil {
		if wait := s.waitForMessage(); wait > 0 {
			s.keepRest(b)
			s.hold(wait)
			return 0, 0, frame.None
		}
	}
	over := s.takeMessage()
	if over && !m.drop && !m.pause {
		s.hangUp(reasonRate, ws.StatusCode(s.cfg().RateCode))
		return 0, 0, frame.None
	}
	if over = over && m.drop; over {
		s.lane.shard.count.dropped++
	}
	return h.scan.Admit(b, rules, counts, over)
}

// spend counts bytes that were read, and has the client read on only when its rate allows it.
func (s *session) spend(bytes int) {
	wait := s.more.bytes.Spend(&s.lane.route.meter.bytes, s.loop().Now(), float64(bytes))
	if wait > 0 && s.phase == talking && s.ending() == nil {
		s.hold(wait)
	}
}

// hold reads the client no more for a while.
func (s *session) hold(wait time.Duration) {
	if s.more.held {
		wait = max(wait, s.more.until-s.loop().Now())
	}
	s.more.held, s.more.until = true, s.loop().Now()+wait
	s.client.Pause()
	s.loop().Schedule(&s.more.pace, wait, (*pacer)(s))
}

// keepRest copies what was read and may not pass yet: no more than a read, as there is none before it has passed.
func (s *session) keepRest(b []byte) {
	if len(b) > 0 {
		s.more.rest = bytebufferpool.Get()
		s.more.rest.B = append(s.more.rest.B, b...)
	}
}

func (s *session) dropRest() {
	if s.more.rest != nil {
		bytebufferpool.Put(s.more.rest)
		s.more.rest = nil
	}
}

// pacer is a session whose client has waited long enough.
type pacer session

// OnTimer lets pass what was kept, and reads the client again.
func (p *pacer) OnTimer(*netpoll.Timer) {
	s := (*session)(p)
	m := s.more
	m.held = false
	s.up.heard = s.now() // it was not silent, we were deaf
	if rest := m.rest; rest != nil {
		m.rest = nil
		s.passUp(rest.B)
		bytebufferpool.Put(rest)
	}
	if m.ended && m.rest == nil && s.phase == talking {
		m.ended = false
		(*clientSide)(s).OnEOF(&s.client)
		return
	}
	s.readClient()
}

// readClient has the client read again, unless its rates or a backend that takes no more speak against it.
func (s *session) readClient() {
	if s.more != nil && s.more.held || s.stream != nil && s.stream.Full(s.lane.shard.gw.pauseAt) {
		return
	}
	s.client.Resume()
}

func (s *session) ipKey() rate.Key {
	return rate.IPKey(s.from().Addr(), s.lane.shard.gw.cfg.IPv6Prefix)
}
