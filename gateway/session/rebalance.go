package session

import (
	"time"

	"weir/gateway/observe"
	"weir/gateway/plan"
	"weir/gateway/reasons"
	"weir/netpoll"
)

// rebalance has sessions leave endpoints that have more than their share, or that their key does not belong to any more, at the
// rate of their routes. Owned by the loop.
type rebalance struct {
	shard *Shard
	timer netpoll.Timer
	next  int // index of the session that is looked at next
	part  map[*lane]float64
}

// rebalanceStep is how often sessions are looked at, and rebalanceScan how many of them.
const (
	rebalanceStep = 200 * time.Millisecond
	rebalanceScan = 2048
)

// wake begins to look, if a session's route says so.
func (r *rebalance) wake(s *session) {
	if s.cfg().Rebalance.Part > 0 && !r.timer.Set() {
		s.loop().Schedule(&r.timer, rebalanceStep, r)
	}
}

// quota is what a route may move in this step.
type quota struct {
	left    int            // sessions
	surplus map[uint64]int // of this loop, by endpoint; nil: keys decide
}

// OnTimer moves some sessions.
func (r *rebalance) OnTimer(*netpoll.Timer) {
	sh := r.shard
	quotas, loops := map[*lane]*quota{}, plan.Loops(sh.proc.Start)
	parts := map[*lane]float64{}
	for _, l := range sh.lanes {
		if l.sessions == 0 || l.route.Config.Rebalance.Part == 0 {
			continue
		}
		due := r.part[l] + l.route.Config.Rebalance.Part*float64(l.sessions)*rebalanceStep.Minutes()
		q := &quota{left: int(due)}
		quotas[l], parts[l] = q, due-float64(q.left)
		if g := l.latest().route.Fleet.Group; !g.Hashed() {
			q.surplus = g.Surplus(float64(l.route.Config.RebalanceWithin) / 100)
			for id, n := range q.surplus { // the other loops move their part
				q.surplus[id] = (n + loops - 1) / loops
			}
		}
	}
	r.part = parts
	if len(quotas) == 0 {
		return // the next session wakes it
	}
	r.scan(quotas)
	sh.Loop.Schedule(&r.timer, rebalanceStep, r)
}

// scan looks at the next sessions.
func (r *rebalance) scan(quotas map[*lane]*quota) {
	all := r.shard.sessions
	for range min(rebalanceScan, len(all)) {
		if r.next >= len(all) {
			r.next = 0
		}
		s := all[r.next]
		r.next++
		if q := quotas[s.lane]; q != nil && q.left > 0 && s.stands() && s.displaced(q) {
			q.left--
			s.rebalance()
		}
	}
}

// displaced tells whether the session should be at another endpoint, and counts it.
func (s *session) displaced(q *quota) bool {
	if s.extra != nil && s.extra.move != nil {
		return false
	}
	if q.surplus == nil {
		if !s.movable() {
			return false
		}
		at, _ := s.lane.latest().route.Fleet.Group.Pick(s.extra.again.key, nil)
		return at != nil && !at.Is(s.endpoint())
	}
	id := s.endpoint().ID()
	if q.surplus[id] == 0 {
		return false
	}
	q.surplus[id]--
	return true
}

// rebalance has the session go elsewhere, or end.
func (s *session) rebalance() {
	if s.lane.route.Reopens {
		s.relocate(observe.MoveRebalance)
		return
	}
	s.goAway(reasons.Rebalance)
}
