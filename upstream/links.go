package upstream

import (
	"time"

	"weir/codec/http1"
	"weir/netpoll"
)

// Dialer is how the endpoints of a group are reached. It is immutable and shared by all loops.
type Dialer struct {
	Group          *Group
	Retries        int                                   // further endpoints to try after one that could not be connected to
	ConnectTimeout time.Duration                         // of TCP and TLS together
	AnswerTimeout  time.Duration                         // from the connection to the end of the answer's head
	Limits         http1.Limits                          // of the answer's head
	OnConnect      func(e *Endpoint, took time.Duration) // for measuring; called on the loop; may be nil
	Pool           PoolOptions
	Handshakes     *netpoll.Handshakes // where those of TLS run; may be nil if no endpoint needs it
}

// Links are one loop's ways to the endpoints. All of it is owned by the loop.
type Links struct {
	dialer  *Dialer
	loop    *netpoll.Loop
	pools   map[*Endpoint]*pool
	upkeep  netpoll.Timer
	scratch []byte
	stats   *PoolStats
	heir    *Links // has taken over pools from here
	closed  bool
}

// On makes the links of a loop. What their pools do is counted in stats, which also the loop alone may touch.
func (d *Dialer) On(loop *netpoll.Loop, stats *PoolStats) *Links {
	return &Links{dialer: d, loop: loop, pools: make(map[*Endpoint]*pool), stats: stats}
}

// Inherit takes over the pools to endpoints that both have, of links of the same loop whose place these take. The sessions
// on them go on. Pools that were made on other terms stay.
func (ls *Links) Inherit(before *Links) {
	o, was := ls.dialer, before.dialer
	if before == ls || before.heir != nil || o.Group.options.TLS != was.Group.options.TLS || o.Limits != was.Limits || o.Pool.Window != was.Pool.Window {
		return
	}
	before.heir = ls
	for old, p := range before.pools {
		e := o.Group.same(old)
		if e == nil || ls.pools[e] != nil {
			continue
		}
		delete(before.pools, old)
		p.links, p.endpoint = ls, e
		ls.keep(p)
	}
}

// same is the member that is reached as another group's endpoint is; nil if there is none.
func (g *Group) same(old *Endpoint) *Endpoint {
	e := g.ByID(old.id)
	if e == nil || e.vitals != old.vitals || e.Addr != old.Addr || e.Spec.Scheme != old.Spec.Scheme {
		return nil
	}
	return e
}

// inherited is the pool of an endpoint that links which took over from these have; nil if there is none.
func (ls *Links) inherited(e *Endpoint) *pool {
	for heir := ls.heir; heir != nil; heir = heir.heir {
		if same := heir.dialer.Group.same(e); same != nil && heir.pools[same] != nil && !heir.closed {
			return heir.pools[same]
		}
	}
	return nil
}

// Open looks for an endpoint that takes r, and tells sink how it went. It answers a refusal if there is not even
// one to try.
func (ls *Links) Open(r *Request, sink Sink) (*Attempt, *http1.Refusal) {
	a := attempts.Get().(*Attempt)
	a.links, a.sink = ls, sink
	a.copy(r)
	ls.dialer.Group.Begin()
	if why := a.try(); why != nil {
		a.free()
		return nil, why
	}
	return a, nil
}
