package session

import (
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/observe"
	"weir/gateway/plan"
	"weir/gateway/reasons"
	"weir/netpoll"
)

// evictStep is how often the next sessions are closed, evictScan how many are looked at in one task.
const (
	evictStep = 20 * time.Millisecond
	evictScan = 4096
)

// eviction closes the sessions whose route or backend a reload has taken away, at an even pace over reload-drain. Owned by
// the loop.
type eviction struct {
	shard *Shard
	timer netpoll.Timer
	pace  pace
	due   []*session
	left  int // of those due, which are marked, that have not begun to end
}

// evict looks for sessions that p has no place for. Those that the plan before had none for may have one in p again.
func (sh *Shard) evict(p *plan.Plan) {
	e := &sh.eviction
	sh.Loop.Cancel(&e.timer)
	for _, s := range e.due {
		s.marks.set(evicted, false)
	}
	*e = eviction{shard: sh, pace: pace{end: sh.Loop.Now() + p.Config.ReloadDrain}}
	for _, l := range sh.lanes {
		if l.stale && l.sessions > 0 && (l.route.Reopens || p.Config.ReloadDrain > 0) {
			sh.scan(p, len(sh.sessions))
			return
		}
	}
}

// scan looks at some sessions below the index end, and has the rest looked at later. Sessions that end meanwhile fill their
// place with one that was looked at, so that none is missed.
func (sh *Shard) scan(p *plan.Plan, end int) {
	if sh.plan != p {
		return // the next reload looks for itself
	}
	end = min(end, len(sh.sessions))
	from := max(0, end-evictScan)
	for _, s := range sh.sessions[from:end] {
		if s.stands() && s.lane.stale && !s.marks.has(evicted) && !s.hasPlace(p) {
			sh.evictOne(s)
		}
	}
	if from > 0 {
		_ = sh.Loop.Post(func() { sh.scan(p, from) })
	}
}

// hasPlace tells whether p still has the session's route, and in it the session's backend.
func (s *session) hasPlace(p *plan.Plan) bool {
	r := p.ByIdentity(s.lane.route.Identity)
	return r != nil && r.Fleet.Group.ByID(s.endpoint().ID()) != nil
}

// evictLate is for a session of a route of before that opens only now.
func (sh *Shard) evictLate(s *session) {
	if s.lane.stale && !s.hasPlace(sh.plan) {
		sh.evictOne(s)
	}
}

// evictOne has a session moved, if its route is still there and moves sessions, or closed if the plan says so, in its turn.
func (sh *Shard) evictOne(s *session) {
	switch {
	case sh.plan.Config.ReloadDrain > 0:
		sh.eviction.add(s)
	case s.lane.latest() != s.lane:
		sh.relocation.add(s, observe.MoveLeaving)
	}
}

func (e *eviction) add(s *session) {
	s.marks.set(evicted, true)
	e.due = append(e.due, s)
	e.left++
	if !e.timer.Set() {
		e.shard.Loop.Schedule(&e.timer, evictStep, e)
	}
}

// OnTimer closes those whose time has come.
func (e *eviction) OnTimer(*netpoll.Timer) {
	for n := e.pace.take(e.left, e.shard.Loop.Now(), evictStep); n > 0 && len(e.due) > 0; n-- {
		s := e.due[0]
		e.due = e.due[1:]
		switch {
		case !s.stands():
			n++ // it has left by itself
		case s.hasPlace(e.shard.plan): // it has been moved
			s.marks.set(evicted, false)
			e.left--
		case s.triesToMove():
			e.due = append(e.due, s)
			e.pace.end = max(e.pace.end, e.shard.Loop.Now()+s.cfg().ReopenWait)
		default:
			s.goAway(reasons.Reload)
		}
	}
	if e.left == 0 {
		e.due = nil
	}
	if len(e.due) > 0 {
		e.shard.Loop.Schedule(&e.timer, evictStep, e)
	}
}

// triesToMove tells whether the session is on its way to a backend that the plan has. It is sent there once.
func (s *session) triesToMove() bool {
	if s.movable() && !s.extra.again.evicted && s.lane.latest() != s.lane {
		s.extra.again.evicted = true
		s.relocate(observe.MoveLeaving)
	}
	return s.extra != nil && s.extra.move != nil
}

// goAway asks both sides of a session to end. The client is told first: what it sends until it has answered still goes to
// the backend, which gets the same close frame in the place of the answer.
func (s *session) goAway(reason string) {
	code := ws.StatusCode(s.lane.shard.plan.Config.DrainCode)
	if s.marks.has(opaque) {
		s.hangUp(reason, 0)
		return
	}
	s.begin(reason, code)
	s.closeClient(code)
	if s.up.scan.CloseCode() == 0 {
		s.up.due = code
	}
	s.settle()
}
