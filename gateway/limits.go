package gateway

import (
	"net/netip"
	"runtime"

	"weir/codec/http1"
	"weir/gateway/auth"
	"weir/gateway/limits"
	"weir/gateway/plan"
	"weir/gateway/reasons"
	"weir/netpoll"
)

const (
	// refusalRoom is how many clients past the limit are accepted, in all, in order to answer them.
	refusalRoom = 256
	// leastAtDoor is how many clients of one address may be on their way in, however few may be admitted: those beyond are
	// told so, as long as there are not many more.
	leastNewcomers = 16
	// maxProofs is how many handshakes may wait for somebody's word on a credential at once.
	maxCredentialChecks = 4096
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
	p.Compute, p.Sockets = newTurns(prefix), netpoll.NewSockets(g.filesRoom(), g.shortage)
	p.Failures = auth.NewFailures(auth.FailureOptions{Limit: g.cfg.AuthFailureRate, IPv6Prefix: prefix, Table: g.cfg.RateTable,
		Shared: func(ip netip.Addr) bool { return p.Plan.Load().IsProxy(ip) }})
	p.ToBackends = netpoll.NewHandshakes(limits.NewTurns(backendHandshakes, prefix), p.Compute)
	p.FromClients = netpoll.NewHandshakes(limits.NewTurns(g.cfg.TLSHandshakes, prefix), p.Compute)
	p.CredentialChecks = limits.NewShares(maxCredentialChecks, prefix)
	p.Accepted, p.Newcomers, p.Admitted, p.Requests = limits.NewCount(0, 0, prefix), limits.NewCount(0, 0, prefix), limits.NewCount(0, 0, prefix), limits.NewCount(0, 0, prefix)
}

// bound sets what there may be of clients under a plan.
func (g *Gateway) bound(next *plan.Plan) {
	cfg, room, b := next.Config, g.filesRoom(), &g.proc.Bounds
	most, requests, perIP := g.maxConnections(cfg, room, next.Sockets), cfg.MaxRequests, cfg.MaxRequestsPerIP
	if requests == 0 {
		requests = max(1, room/2)
	}
	if perIP == 0 {
		perIP = max(1, requests/4)
	}
	b.Accepted.Set(most+refusalRoom, 0)
	b.Admitted.Set(most, cfg.MaxConnectionsPerIP)
	b.Newcomers.Set(most+refusalRoom, max(cfg.MaxConnectionsPerIP, leastNewcomers))
	b.Requests.Set(requests, perIP)
}

// enterRequest counts a plain request, until leave is called. Proxies of ours ask for many.
func (g *Gateway) enterRequest(ip netip.Addr) (leave func(), why *http1.Refusal) {
	p := &g.proc
	if ip.IsValid() && p.Plan.Load().IsProxy(ip) {
		ip = netip.Addr{}
	}
	switch p.Requests.Enter(ip) {
	case limits.Full:
		return nil, reasons.RefusedRequests
	case limits.AddressFull:
		return nil, reasons.RefusedRequestsPerIP
	}
	return func() { p.Requests.Leave(ip) }, nil
}

// shortage has a loop's want of descriptors met by those of idle connections, without waiting for it.
func (g *Gateway) shortage() {
	if g.freeing.CompareAndSwap(false, true) {
		go func() {
			g.proc.Plan.Load().CloseIdle()
			g.freeing.Store(false)
		}()
	}
}
