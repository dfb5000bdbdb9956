package session

import (
	"time"

	"weir/gateway/config"
	"weir/gateway/plan"
	"weir/upstream"
)

// lane is a loop's part of a route, or of a listener while the route is not known. Owned by the loop.
type lane struct {
	shard    *Shard
	listener *Listener       // until the route is known, then nil
	plan     *plan.Plan      // likewise: what decides about the client; held while there are sessions
	secure   bool            // likewise: clients speak TLS
	route    *plan.Route     // nil until then
	links    *upstream.Links // to the route's backends
	sessions int
	stale    bool // newcomers come into another
}

// cfg is what counts for the session: its route's values, once there is one.
func (s *session) cfg() *config.Config {
	if r := s.lane.route; r != nil {
		return r.Config
	}
	return s.lane.plan.Config
}

// enterLane puts a session into a lane, and takes it out of the one that it was in.
func (s *session) enterLane(l *lane) {
	was := s.lane
	s.lane = l
	if l.sessions++; l.sessions == 1 && l.listener != nil {
		l.plan.Hold()
	}
	if was != nil {
		was.leave()
	}
}

// leave takes a session out. A stale lane ends with its last.
func (l *lane) leave() {
	l.sessions--
	switch {
	case l.sessions > 0:
	case l.listener != nil:
		l.plan.Release()
	case l.stale:
		l.end()
	}
}

// retire has a route's lane end with its last session.
func (l *lane) retire() {
	l.stale = true
	if l.sessions == 0 {
		l.end()
	}
}

// end gives the lane up. Its links are closed by a task of their own, as it may be one of them that has just told the last
// session of its end, and is not done yet.
func (l *lane) end() {
	sh := l.shard
	delete(sh.lanes, l.route)
	if sh.unlinking = append(sh.unlinking, l.route.Fleet); len(sh.unlinking) == 1 {
		_ = sh.Loop.Post(sh.unlinkSome) // a loop that stops closes them all
	}
}

// taskTime is how long a task of a loop may go on with work that can be done bit by bit. Its clients wait meanwhile, and for
// other tasks of that turn.
const taskTime = 500 * time.Microsecond

// unlinkSome gives up the links of lanes that have ended, and leaves to a later task what takes too long.
func (sh *Shard) unlinkSome() {
	for end := time.Now().Add(taskTime); len(sh.unlinking) > 0 && time.Now().Before(end); sh.unlinking = sh.unlinking[1:] {
		sh.unlink(sh.unlinking[0])
	}
	if len(sh.unlinking) == 0 {
		sh.unlinking = nil
		return
	}
	_ = sh.Loop.Post(sh.unlinkSome)
}

// laneOf is the loop's part of a route, also where the route has been replaced since the client came.
func (sh *Shard) laneOf(r *plan.Route) *lane {
	l := sh.lanes[r]
	if l == nil {
		next := sh.plan.ByIdentity(r.Identity)
		l = &lane{shard: sh, route: r, links: sh.link(r.Fleet), stale: next != r}
		sh.lanes[r] = l
		switch before := sh.links[sh.plan.Fleets.Before[r.Fleet]]; {
		case !l.stale && before != nil:
			l.links.Inherit(before.Links)
		case l.stale && next != nil: // a handshake that began under the plan before
			sh.laneOf(next).links.Inherit(l.links)
		}
	}
	return l
}

// latest is the lane that newcomers to the same route come into; l itself if the route is no more.
func (l *lane) latest() *lane {
	if l.stale {
		if next := l.shard.plan.ByIdentity(l.route.Identity); next != nil {
			return l.shard.laneOf(next)
		}
	}
	return l
}

// links to a fleet are the loop's own, shared by its lanes.
type fleetLinks struct {
	*upstream.Links
	lanes int
}

func (sh *Shard) link(f *plan.Fleet) *upstream.Links {
	fl := sh.links[f]
	if fl == nil {
		fl = &fleetLinks{Links: f.Dialer.On(sh.Loop, &sh.pools)}
		sh.links[f] = fl
	}
	fl.lanes++
	return fl.Links
}

func (sh *Shard) unlink(f *plan.Fleet) {
	fl := sh.links[f]
	if fl == nil { // the gateway stops
		return
	}
	if fl.lanes--; fl.lanes == 0 {
		fl.Close()
		delete(sh.links, f)
	}
}

// adopt has newcomers judged by p from now on. Who is there stays with the plan that it came under.
func (sh *Shard) adopt(p *plan.Plan) {
	sh.plan = p
	secure := map[string]bool{}
	for _, w := range p.Addresses() {
		secure[w.Name] = w.Secure
	}
	sh.CloseListeners(func(d *Listener) bool {
		_, listened := secure[d.Name]
		return !listened
	})
	for _, d := range sh.Listeners {
		d.lane = &lane{shard: sh, listener: d, plan: p, secure: secure[d.Name]}
		d.Socket.Accept()
	}
	sh.unprepared = p.Routes
}

// settle does the rest of it: lanes of routes that have gone end once those that take their place have what they inherit. It
// stops when it has taken too long, and tells whether all is done.
func (sh *Shard) settle() (done bool) {
	end := time.Now().Add(taskTime)
	for ; len(sh.unprepared) > 0; sh.unprepared = sh.unprepared[1:] {
		if time.Now().After(end) {
			return false
		}
		sh.prepare(sh.unprepared[0])
	}
	for r, l := range sh.lanes {
		if sh.plan.ByIdentity(r.Identity) == r || l.stale {
			continue
		}
		if time.Now().After(end) {
			return false
		}
		l.retire()
	}
	return true
}

// prepare gives a route of the plan in force its pooled connections: those of the fleet whose place its own has taken, and as
// many as pool-min asks for.
func (sh *Shard) prepare(r *plan.Route) {
	if sh.lanes[r] != nil || sh.plan.ByIdentity(r.Identity) != r {
		return
	}
	if sh.links[sh.plan.Fleets.Before[r.Fleet]] != nil {
		sh.laneOf(r)
	}
	if r.Pools && r.Config.PoolMin > 0 {
		sh.laneOf(r).links.Warm()
	}
}
