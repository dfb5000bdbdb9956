package upstream

import (
	"math/rand/v2"
	"time"

	"weir/codec/h2"
	"weir/codec/http1"
	"weir/netpoll"
)

// PoolOptions shape pooled connections (RFC 8441).
type PoolOptions struct {
	Min          int           // connections kept to each endpoint, by each loop, before anybody asks
	MaxStreams   int           // sessions on one connection; the endpoint may allow fewer. 0: as many as it allows
	Window       int           // bytes that a session's backend may send before the client has taken them
	Idle         time.Duration // after which a connection without sessions is closed, down to Min
	PingInterval time.Duration // of silence, after which a connection is tested
	PingTimeout  time.Duration
	Spread       time.Duration // time over which the sessions of a lost connection are closed
}

// maxWaiting bounds how many requests of one loop may wait for a connection to one endpoint.
const maxWaiting = 8192

// RefusedBusy says that too many wait already.
var RefusedBusy = &http1.Refusal{Status: 503, Reason: "pool_busy", Text: "Too many requests are waiting for a connection to the backend; try again later."}

// pool is the set of connections from one loop to one endpoint.
type pool struct {
	links    *Links
	endpoint *Endpoint
	conns    []*poolConn
	waiting  []*Attempt // for a connection that is ready and has room, in order
	member   bool       // the group still has the endpoint
}

// pool finds or makes the pool of an endpoint.
func (ls *Links) pool(e *Endpoint) *pool {
	p := ls.pools[e]
	if p == nil {
		if p = ls.inherited(e); p != nil {
			return p
		}
		p = &pool{links: ls, endpoint: e}
		ls.keep(p)
	}
	return p
}

func (ls *Links) keep(p *pool) {
	ls.pools[p.endpoint] = p
	if !ls.upkeep.Set() && !ls.closed {
		ls.loop.Schedule(&ls.upkeep, upkeepInterval/2+rand.N(upkeepInterval), ls)
	}
}

// join gives an attempt a stream, now or when there is room.
func (p *pool) join(a *Attempt) *http1.Refusal {
	if pc := p.room(); pc != nil {
		pc.ask(a)
		return nil
	}
	if len(p.waiting) >= maxWaiting {
		a.drop()
		return RefusedBusy
	}
	p.waiting = append(p.waiting, a)
	a.way = seat{p, a}
	if err := p.grow(); err != nil {
		return a.unreached(err)
	}
	// Anew, so that it comes behind the timeout of a connection begun just now, which says more.
	p.links.loop.Schedule(&a.timer, p.links.dialer.ConnectTimeout, a)
	return nil
}

// seat is an attempt's place among those that wait.
type seat struct {
	pool *pool
	a    *Attempt
}

func (s seat) abandon() {
	for i, a := range s.pool.waiting {
		if a == s.a {
			s.pool.waiting = append(s.pool.waiting[:i], s.pool.waiting[i+1:]...)
			return
		}
	}
}

// room is a ready connection that may take one more session: the fullest, so that the others can empty.
func (p *pool) room() (best *poolConn) {
	for _, pc := range p.conns {
		if pc.state == ready && pc.streams.Len() < pc.limit() && !pc.stuck() && (best == nil || pc.streams.Len() > best.streams.Len()) {
			best = pc
		}
	}
	return best
}

// grow begins one more connection, unless one is on its way: how many sessions that has room for is not known
// before the endpoint's SETTINGS have come. Nor would it help if not even an empty connection has room, as the
// endpoint takes no streams at present, or if it does not read the connections it has.
func (p *pool) grow() error {
	if p.opening() {
		return nil
	}
	for _, pc := range p.conns {
		if pc.state == ready && (pc.limit() == 0 || pc.stuck()) {
			return nil
		}
	}
	return p.dial()
}

// opening tells whether a connection is on its way.
func (p *pool) opening() bool {
	for _, pc := range p.conns {
		if pc.state < ready {
			return true
		}
	}
	return false
}

// inService counts the connections that take new streams, or will.
func (p *pool) inService() (n int) {
	for _, pc := range p.conns {
		if pc.state != leaving {
			n++
		}
	}
	return n
}

// serve gives those who wait what room there is now, and makes more if that is not enough.
func (p *pool) serve() {
	for len(p.waiting) > 0 {
		pc := p.room()
		if pc == nil {
			break
		}
		a := p.waiting[0]
		p.waiting = p.waiting[1:]
		pc.ask(a)
	}
	if len(p.waiting) == 0 {
		p.waiting = nil
		return
	}
	if err := p.grow(); err != nil {
		p.unreached(err)
	}
}

// unreached deals with a connect that could not even begin.
func (p *pool) unreached(err error) {
	if why := Exhausted(err, p.endpoint.Addr); why != nil {
		p.scatter(err.Error(), why)
		return
	}
	p.fail(err.Error(), RefusedConnect)
}

// fail sends those who wait elsewhere. It counts as one failed connect, however many they are.
func (p *pool) fail(reason string, why *http1.Refusal) {
	p.endpoint.ConnectFailed(reason)
	for _, a := range p.waiting {
		p.endpoint.HandshakeFailed(a.request.Client, unmet+reason)
	}
	p.scatter(reason, why)
}

func (p *pool) scatter(reason string, why *http1.Refusal) {
	waiting := p.waiting
	p.waiting = nil
	for _, a := range waiting {
		a.way = nil
		a.note(reason)
		a.reroute(why)
	}
}

// unfit deals with an endpoint that does not offer extended CONNECT: where the user allows tunnels, they serve.
func (p *pool) unfit(reason string) {
	p.endpoint.vitals.protocol.Store(protocolTunnel)
	if !p.endpoint.Spec.Tunnels() {
		p.fail(reason, RefusedConnect)
		return
	}
	waiting := p.waiting
	p.waiting = nil
	for _, a := range waiting {
		a.again()
	}
}

func (p *pool) remove(pc *poolConn) {
	for i := range p.conns {
		if p.conns[i] == pc {
			p.conns = append(p.conns[:i], p.conns[i+1:]...)
			return
		}
	}
}

// upkeepInterval is how often a loop looks whether its pools have the connections they should, on average: it varies by half of
// that, so that those of a thousand routes which a reload has made at once are not looked at in one turn.
const upkeepInterval = 2 * time.Second

// Warm makes the connections that Min asks for, now and again whenever one is missing.
func (ls *Links) Warm() { ls.OnTimer(nil) }

// OnTimer is the upkeep of the pools.
func (ls *Links) OnTimer(*netpoll.Timer) {
	for _, p := range ls.pools {
		p.member = false
	}
	for _, e := range ls.dialer.Group.Endpoints() {
		if !e.pooled() || ls.dialer.Group.closed() || ls.inherited(e) != nil {
			continue
		}
		p := ls.pool(e)
		p.member = true
		if e.Healthy() && p.inService() < ls.dialer.Pool.Min && len(p.waiting) == 0 {
			if err := p.grow(); err != nil {
				p.unreached(err)
			}
		}
	}
	for e, p := range ls.pools {
		p.upkeep()
		if len(p.conns)+len(p.waiting) == 0 && !p.member {
			delete(ls.pools, e)
		}
	}
	if ls.dialer.Group.pools && !ls.closed {
		ls.loop.Schedule(&ls.upkeep, upkeepInterval, ls)
	}
}

// upkeep tests silent connections and closes those that nobody needs.
func (p *pool) upkeep() {
	now, o := p.links.loop.Now(), &p.links.dialer.Pool
	spare := p.inService()
	if p.member {
		spare -= o.Min
	}
	for _, pc := range append([]*poolConn(nil), p.conns...) {
		if pc.state < ready {
			continue
		}
		if pc.used() == 0 && spare > 0 && now-pc.emptySince > o.Idle {
			spare--
			pc.leave(h2.NoError, "idle")
			continue
		}
		pc.keepAlive(now)
	}
}

// Close ends all pooled connections, telling the endpoints so. Those that still have sessions take no more, and end with the
// last of them.
func (ls *Links) Close() {
	ls.closed = true
	ls.loop.Cancel(&ls.upkeep)
	for _, p := range ls.pools {
		for _, pc := range append([]*poolConn(nil), p.conns...) {
			pc.leave(h2.NoError, "shutting down")
		}
	}
}
