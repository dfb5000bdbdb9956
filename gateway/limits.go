package gateway

import (
	"net/netip"
	"runtime"

	"weir/codec/http1"
	"weir/gateway/auth"
	"weir/gateway/limits"
	"weir/netpoll"
)

const (
	// refusalRoom is how many clients past the limit are accepted, in all, in order to answer them.
	refusalRoom = 256
	// leastAtDoor is how many clients of one address may be on their way in, however few may be admitted: those beyond are
	// told so, as long as there are not many more.
	leastAtDoor = 16
	// maxProofs is how many handshakes may wait for somebody's word on a credential at once.
	maxProofs = 4096
	// backendHandshakes is how many TLS handshakes with backends run at once. They are few, but for tunnels to wss://.
	backendHandshakes = 256
)

// newTurns are as many as leave the loops their processors.
func newTurns(ipv6Prefix int) *limits.Turns {
	return limits.NewTurns(runtime.GOMAXPROCS(0)/2, ipv6Prefix)
}

// makeBounds makes what holds whatever the routes are.
func (g *Gateway) makeBounds() {
	p, prefix := &g.proc, g.cfg.IPv6Prefix
	p.compute, p.sockets = newTurns(prefix), netpoll.NewSockets(g.filesRoom(), g.shortage)
	p.failures = auth.NewFailures(auth.FailureOptions{Limit: g.cfg.AuthFailureRate, IPv6Prefix: prefix, Table: g.cfg.RateTable,
		Shared: func(ip netip.Addr) bool { return p.plan.Load().trusted(ip) }})
	p.toBackends = netpoll.NewHandshakes(limits.NewTurns(backendHandshakes, prefix), p.compute)
	p.fromClients = netpoll.NewHandshakes(limits.NewTurns(g.cfg.TLSHandshakes, prefix), p.compute)
	p.proofs = limits.NewShares(maxProofs, prefix)
	p.accepted, p.atDoor, p.admitted, p.requests = limits.NewCount(0, 0, prefix), limits.NewCount(0, 0, prefix), limits.NewCount(0, 0, prefix), limits.NewCount(0, 0, prefix)
}

// bound sets what there may be of clients under a plan.
func (g *Gateway) bound(next *plan) {
	cfg, room, b := next.cfg, g.filesRoom(), &g.proc.bounds
	most, requests, perIP := g.maxConnections(cfg, room, next.sockets), cfg.MaxRequests, cfg.MaxRequestsPerIP
	if requests == 0 {
		requests = max(1, room/2)
	}
	if perIP == 0 {
		perIP = max(1, requests/4)
	}
	b.accepted.Set(most+refusalRoom, 0)
	b.admitted.Set(most, cfg.MaxConnectionsPerIP)
	b.atDoor.Set(most+refusalRoom, max(cfg.MaxConnectionsPerIP, leastAtDoor))
	b.requests.Set(requests, perIP)
}

// enterRequest counts a plain request, until leave is called. Proxies of ours ask for many.
func (g *Gateway) enterRequest(ip netip.Addr) (leave func(), why *http1.Refusal) {
	p := &g.proc
	if ip.IsValid() && p.plan.Load().trusted(ip) {
		ip = netip.Addr{}
	}
	switch p.requests.Enter(ip) {
	case limits.In:
		ip = netip.Addr{}
	case limits.Full:
		return nil, refusedRequests
	case limits.AddressFull:
		return nil, refusedRequestsPerIP
	}
	return func() { p.requests.Leave(ip) }, nil
}

// shortage has a loop's want of descriptors met by those of idle connections, without waiting for it.
func (g *Gateway) shortage() {
	if g.freeing.CompareAndSwap(false, true) {
		go func() {
			g.proc.plan.Load().closeIdle()
			g.freeing.Store(false)
		}()
	}
}
