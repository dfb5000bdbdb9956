package gateway

import (
	"time"

	"github.com/gobwas/ws"

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
	shard *shard
	timer netpoll.Timer
	pace  pace
	due   []*session
	left  int // of those due, which are marked, that have not begun to end
}

// evict looks for sessions that p has no place for.
func (sh *shard) evict(p *plan) {
	if p.cfg.ReloadDrain == 0 {
		return
	}
	homeless := map[*route]func(*session) bool{}
	for r, l := range sh.lanes {
		if l.stale && l.sessions > 0 {
			homeless[r] = p.homeless(r)
		}
	}
	if len(homeless) > 0 {
		sh.scan(p, homeless, len(sh.sessions))
	}
}

// homeless tells which sessions of a route of before have no place in p.
func (p *plan) homeless(r *route) func(*session) bool {
	next := p.route(r.identity)
	if next == nil {
		return func(*session) bool { return true }
	}
	known := map[string]bool{}
	for _, e := range next.fleet.group.Endpoints() {
		known[e.Name] = true
	}
	return func(s *session) bool { return !known[s.endpoint().Name] }
}

// scan looks at some sessions below the index end, and has the rest looked at later. Sessions that end meanwhile fill their
// place with one that was looked at, so that none is missed.
func (sh *shard) scan(p *plan, homeless map[*route]func(*session) bool, end int) {
	if sh.plan != p {
		return // the next reload looks for itself
	}
	end = min(end, len(sh.sessions))
	from := max(0, end-evictScan)
	for _, s := range sh.sessions[from:end] {
		if !s.stands() || s.marks.has(evicted) {
			continue
		}
		if without := homeless[s.lane.route]; without != nil && without(s) {
			s.marks.set(evicted, true)
			sh.eviction.due = append(sh.eviction.due, s)
			sh.eviction.left++
		}
	}
	if from > 0 {
		_ = sh.loop.Post(func() { sh.scan(p, homeless, from) })
		return
	}
	if e := &sh.eviction; len(e.due) > 0 {
		e.shard, e.pace = sh, pace{end: sh.loop.Now() + p.cfg.ReloadDrain}
		e.OnTimer(nil)
	}
}

// OnTimer closes those whose time has come.
func (e *eviction) OnTimer(*netpoll.Timer) {
	for n := e.pace.take(e.left, e.shard.loop.Now(), evictStep); n > 0 && len(e.due) > 0; e.due = e.due[1:] {
		if s := e.due[0]; s.stands() {
			s.goAway(reasonReload)
			n--
		}
	}
	if e.left == 0 {
		e.due = nil
	}
	if len(e.due) == 0 {
		e.due = nil
		return
	}
	e.shard.loop.Schedule(&e.timer, evictStep, e)
}

// goAway asks both sides of a session to end. The client is told first: what it sends until it has answered still goes to
// the backend, which gets the same close frame in the place of the answer.
func (s *session) goAway(reason string) {
	code := ws.StatusCode(s.cfg().DrainCode)
	s.begin(reason, code)
	s.closeClient(code)
	if s.up.scan.CloseCode() == 0 {
		s.up.due = code
	}
	s.settle()
}
