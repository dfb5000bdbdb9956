package gateway

import (
	"net/netip"
	"runtime"

	"weir/codec/http1"
	"weir/gateway/auth"
	"weir/gateway/limits"
	"weir/netpoll"
)

// bounds are what is counted across all loops and protocols. It is touched when a client or a request comes, is admitted
// and goes, never by a message. Immutable; what it points to is for any goroutine.
type bounds struct {
	accepted *limits.Count  // connections, from accept to their last byte
	atDoor   *limits.Count  // of these, those of limited addresses whose request is still to come
	admitted *limits.Count  // connections whose request was let in
	requests *limits.Count  // plain requests in flight, over whatever they came
	proofs   *limits.Shares // handshakes whose credential somebody else looks at
	compute  *limits.Turns  // what costs a processor and can wait: TLS handshakes, passwords, slow signatures
	failures *auth.Failures // credentials that were not valid; nil: not counted
	sockets  *netpoll.Sockets
}

const (
	// refusalRoom is how many clients past the limit are accepted, in all, in order to answer them.
	refusalRoom = 256
	// leastAtDoor is how many clients of one address may be on their way in, however few may be admitted: those beyond are
	// told so, as long as there are not many more.
	leastAtDoor = 16
	// maxProofs is how many handshakes may wait for somebody's word on a credential at once.
	maxProofs = 4096
)

// newTurns are as many as leave the loops their processors.
func newTurns(ipv6Prefix int) *limits.Turns {
	return limits.NewTurns(runtime.GOMAXPROCS(0)/2, ipv6Prefix)
}

// newBounds are those that hold whatever the routes are.
func (g *Gateway) newBounds() bounds {
	prefix := g.cfg.IPv6Prefix
	return bounds{
		proofs: limits.NewShares(maxProofs, prefix), compute: newTurns(prefix), sockets: netpoll.NewSockets(g.filesRoom(), g.shortage),
		failures: auth.NewFailures(auth.FailureOptions{Limit: g.cfg.AuthFailureRate, IPv6Prefix: prefix, Table: g.cfg.RateTable,
			Shared: func(ip netip.Addr) bool { return g.plan.Load().trusted(ip) }}),
	}
}

// bound sets what there may be of clients under a plan, which says how many sockets a session needs.
func (b *bounds) bound(g *Gateway, p *plan) {
	cfg, room := p.cfg, g.filesRoom()
	most, requests, perIP := g.maxConnections(cfg, room, p.sockets), cfg.MaxRequests, cfg.MaxRequestsPerIP
	if requests == 0 {
		requests = max(1, room/2)
	}
	if perIP == 0 {
		perIP = max(1, requests/4)
	}
	set := func(c **limits.Count, max, perAddress int) {
		if *c == nil {
			*c = limits.NewCount(max, perAddress, g.cfg.IPv6Prefix)
		}
		(*c).Set(max, perAddress)
	}
	set(&b.accepted, most+refusalRoom, 0)
	set(&b.admitted, most, cfg.MaxConnectionsPerIP)
	set(&b.atDoor, most+refusalRoom, max(cfg.MaxConnectionsPerIP, leastAtDoor))
	set(&b.requests, requests, perIP)
}

// enter counts a connection from ip, unless there are too many.
func (b *bounds) enter(ip netip.Addr) *http1.Refusal {
	switch b.admitted.Enter(ip) {
	case limits.Full:
		return refusedFull
	case limits.AddressFull:
		return refusedPerIP
	}
	return nil
}

// enterRequest counts a plain request, until leave is called. Proxies of ours ask for many.
func (g *Gateway) enterRequest(ip netip.Addr) (leave func(), why *http1.Refusal) {
	if ip.IsValid() && g.plan.Load().trusted(ip) {
		ip = netip.Addr{}
	}
	switch g.limits.requests.Enter(ip) {
	case limits.Full:
		return nil, refusedRequests
	case limits.AddressFull:
		return nil, refusedRequestsPerIP
	}
	return func() { g.limits.requests.Leave(ip) }, nil
}
