package gateway

import (
	"time"

	"weir/gateway/config"
	"weir/upstream"
)

// lane is a loop's part of a route, or of a door while the route is not known. Owned by the loop.
type lane struct {
	shard    *shard
	door     *door           // until the route is known, then nil
	plan     *plan           // likewise: what decides about the client; held while there are sessions
	secure   bool            // likewise: clients speak TLS
	route    *route          // nil until then
	links    *upstream.Links // to the route's backends
	sessions int
	stale    bool // newcomers come into another
}

// cfg is what counts for the session: its route's values, once there is one.
func (s *session) cfg() *config.Config {
	if r := s.lane.route; r != nil {
		return r.cfg
	}
	return s.lane.plan.cfg
}

// enterLane puts a session into a lane, and takes it out of the one that it was in.
func (s *session) enterLane(l *lane) {
	was := s.lane
	s.lane = l
	if l.sessions++; l.sessions == 1 && l.door != nil {
		l.plan.hold()
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
	case l.door != nil:
		l.plan.release()
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
	if sh.unlinking = append(sh.unlinking, l.route.fleet); len(sh.unlinking) == 1 {
		_ = sh.loop.Post(sh.unlinkSome) // a loop that stops closes them all
	}
}

// taskTime is how long a task of a loop may go on with work that can be done bit by bit. Its clients wait meanwhile, and for
// other tasks of that turn.
const taskTime = 500 * time.Microsecond

// unlinkSome gives up the links of lanes that have ended, and leaves to a later task what takes too long.
func (sh *shard) unlinkSome() {
	for end := time.Now().Add(taskTime); len(sh.unlinking) > 0 && time.Now().Before(end); sh.unlinking = sh.unlinking[1:] {
		sh.unlink(sh.unlinking[0])
	}
	if len(sh.unlinking) == 0 {
		sh.unlinking = nil
		return
	}
	_ = sh.loop.Post(sh.unlinkSome)
}

// laneOf is the loop's part of a route, also where the route has been replaced since the client came.
func (sh *shard) laneOf(r *route) *lane {
	l := sh.lanes[r]
	if l == nil {
		next := sh.plan.route(r.identity)
		l = &lane{shard: sh, route: r, links: sh.link(r.fleet), stale: next != r}
		sh.lanes[r] = l
		switch before := sh.links[sh.plan.fleets.before[r.fleet]]; {
		case !l.stale && before != nil:
			l.links.Inherit(before.Links)
		case l.stale && next != nil: // a handshake that began under the plan before
			sh.laneOf(next).links.Inherit(l.links)
		}
	}
	return l
}

// links to a fleet are the loop's own, shared by its lanes.
type fleetLinks struct {
	*upstream.Links
	lanes int
}

func (sh *shard) link(f *fleet) *upstream.Links {
	fl := sh.links[f]
	if fl == nil {
		fl = &fleetLinks{Links: f.dialer.On(sh.loop, &sh.pools)}
		sh.links[f] = fl
	}
	fl.lanes++
	return fl.Links
}

func (sh *shard) unlink(f *fleet) {
	fl := sh.links[f]
	if fl == nil { // the gateway stops
		return
	}
	if fl.lanes--; fl.lanes == 0 {
		fl.Close()
		delete(sh.links, f)
	}
}

// adopt has all loops go by p, each in several tasks.
func (g *Gateway) adopt(p *plan) {
	for _, sh := range g.shards {
		_ = sh.loop.Do(func() { sh.adopt(p) })
	}
	for _, sh := range g.shards {
		for more := true; more; {
			more = false
			_ = sh.loop.Do(func() { more = !sh.settle() })
		}
	}
}

// adopt has newcomers judged by p from now on. Who is there stays with the plan that it came under.
func (sh *shard) adopt(p *plan) {
	sh.plan = p
	secure := map[string]bool{}
	for _, w := range p.listensOn() {
		secure[w.name] = w.secure
	}
	sh.closeDoors(func(d *door) bool {
		_, listened := secure[d.name]
		return !listened
	})
	for _, d := range sh.doors {
		d.lane = &lane{shard: sh, door: d, plan: p, secure: secure[d.name]}
		d.listener.Accept()
	}
	sh.unprepared = p.routes
}

// settle does the rest of it: lanes of routes that have gone end once those that take their place have what they inherit. It
// stops when it has taken too long, and tells whether all is done.
func (sh *shard) settle() (done bool) {
	end := time.Now().Add(taskTime)
	for ; len(sh.unprepared) > 0; sh.unprepared = sh.unprepared[1:] {
		if time.Now().After(end) {
			return false
		}
		sh.prepare(sh.unprepared[0])
	}
	for r, l := range sh.lanes {
		if sh.plan.route(r.identity) == r || l.stale {
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
func (sh *shard) prepare(r *route) {
	if sh.lanes[r] != nil || sh.plan.route(r.identity) != r {
		return
	}
	if sh.links[sh.plan.fleets.before[r.fleet]] != nil {
		sh.laneOf(r)
	}
	if r.pools && r.cfg.PoolMin > 0 {
		sh.laneOf(r).links.Warm()
	}
}
