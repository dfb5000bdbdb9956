package session

import (
	"time"

	"weir/gateway/observe"
	"weir/gateway/reasons"
	"weir/netpoll"
	"weir/upstream"
)

// relocation moves the sessions of endpoints that are to lose them, at an even pace: those that can be moved, and the others are
// closed if the route says so. Owned by the loop.
type relocation struct {
	shard *Shard
	timer netpoll.Timer
	pace  pace
	due   []leaver

	opening int     // handshakes under way
	waiting []*move // for room for theirs
}

// leaver is a session that is to leave its endpoint.
type leaver struct {
	session  *session
	endpoint *upstream.Endpoint
	reason   string
	last     bool // it has been asked to move, and did not: it is closed now
}

// relocationStep is how often the next sessions are asked, movesWithin how long that takes at least, so that a crowd of them
// does not come upon the other endpoints at once.
const (
	relocationStep = 20 * time.Millisecond
	movesWithin    = time.Second
)

// mostOpening is how many handshakes of moves a loop has under way. A backend that goes with all its tunnels leaves tens of
// thousands of sessions at once; the others have to take them, and some have room for 511 that wait to be accepted.
const mostOpening = 128

// open looks for another backend for a session, as soon as there is room for that.
func (r *relocation) open(m *move) {
	m.asked = true
	if r.opening >= mostOpening {
		r.waiting = append(r.waiting, m)
		r.wake()
		return
	}
	r.opening++
	m.opening = true
	m.open()
}

// opened says that a handshake is no longer under way.
func (m *move) opened() {
	if m.opening {
		m.opening = false
		m.session.lane.shard.relocation.opening--
	}
}

// wake has the next step come.
func (r *relocation) wake() {
	if !r.timer.Set() {
		r.shard.Loop.Schedule(&r.timer, relocationStep, r)
	}
}

// openWaiting begins the handshakes of those for whom there is room by now.
func (r *relocation) openWaiting() {
	for len(r.waiting) > 0 && r.opening < mostOpening {
		m := r.waiting[0]
		r.waiting[0], r.waiting = nil, r.waiting[1:]
		if m.session.extra.move == m { // else it is over
			r.open(m)
		}
	}
	if len(r.waiting) == 0 {
		r.waiting = nil
	}
}

// Leave has the sessions on an endpoint go elsewhere, on all loops.
func (all Shards) Leave(e *upstream.Endpoint, why upstream.Cause) {
	reason := observe.MoveLeaving
	if why == upstream.CauseManual {
		reason = observe.MoveManual
	}
	for _, sh := range all {
		_ = sh.Loop.Post(func() { sh.leave(e, reason) })
	}
}

func (sh *Shard) leave(e *upstream.Endpoint, reason string) {
	for _, l := range sh.lanes {
		if l.sessions > 0 && l.route != nil && (l.route.Reopens || l.route.Config.EndpointDrain > 0) {
			sh.scanLeavers(e, reason, len(sh.sessions))
			return
		}
	}
}

// scanLeavers looks at some sessions below the index end, and has the rest looked at later, as scan does.
func (sh *Shard) scanLeavers(e *upstream.Endpoint, reason string, end int) {
	end = min(end, len(sh.sessions))
	from := max(0, end-evictScan)
	for _, s := range sh.sessions[from:end] {
		if s.stands() && s.endpoint().Is(e) {
			sh.relocation.add(s, reason)
		}
	}
	if from > 0 {
		_ = sh.Loop.Post(func() { sh.scanLeavers(e, reason, from) })
	}
}

// add has a session leave its endpoint, in its turn.
func (r *relocation) add(s *session, reason string) {
	within := s.cfg().EndpointDrain
	if reason == observe.MoveGoAway && !s.lane.route.Reopens {
		return
	}
	if s.lane.route.Reopens {
		within = max(within, movesWithin)
	}
	if within == 0 {
		return
	}
	r.due = append(r.due, leaver{session: s, endpoint: s.endpoint(), reason: reason})
	r.pace.end = max(r.pace.end, s.loop().Now()+within)
	r.wake()
}

// OnTimer asks those whose turn it is.
func (r *relocation) OnTimer(*netpoll.Timer) {
	r.openWaiting()
	for n := r.pace.take(len(r.due), r.shard.Loop.Now(), relocationStep); n > 0 && len(r.due) > 0; n-- {
		l := r.due[0]
		r.due[0], r.due = leaver{}, r.due[1:]
		r.ask(l)
	}
	if len(r.due) == 0 {
		r.due, r.pace = nil, pace{}
	}
	if len(r.due) > 0 || len(r.waiting) > 0 {
		r.wake()
	}
}

// ask has a session go elsewhere. One that cannot, or did not, is closed at the end of endpoint-drain if the route has that.
func (r *relocation) ask(l leaver) {
	s := l.session
	if !s.stands() || !s.endpoint().Is(l.endpoint) {
		return
	}
	drains := s.cfg().EndpointDrain > 0 && l.reason != observe.MoveGoAway
	switch {
	case l.last && s.parted(): // it has left; the old backend is not done yet
		r.due = append(r.due, l)
		r.pace.end = max(r.pace.end, r.shard.Loop.Now()+s.cfg().CloseTimeout)
	case l.last, drains && !s.lane.route.Reopens:
		if drains && l.endpoint.Down(upstream.CauseManual|upstream.CauseLeaving) {
			s.goAway(reasons.EndpointDrain)
		}
	default:
		s.relocate(l.reason)
		if drains {
			l.last = true
			r.due = append(r.due, l)
			r.pace.end = max(r.pace.end, r.shard.Loop.Now()+s.cfg().ReopenWait)
		}
	}
}
