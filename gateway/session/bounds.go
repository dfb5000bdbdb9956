package session

import (
	"net/netip"
	"runtime"

	"weir/codec/http1"
	"weir/gateway/limits"
	"weir/gateway/plan"
	"weir/gateway/reasons"
)

// Bounds are what is counted across all loops and protocols. It is touched when a client or a request comes, is admitted
// and goes, never by a message.
type Bounds struct {
	accepted         *limits.Count  // connections, from accept to their last byte
	newcomers        *limits.Count  // of these, those of limited addresses whose request is still to come
	Admitted         *limits.Count  // connections whose request was let in
	Requests         *limits.Count  // plain requests in flight, over whatever they came
	credentialChecks *limits.Shares // handshakes whose credential somebody else looks at
}

const (
	// refusalRoom is how many clients past the limit are accepted, in all, in order to answer them.
	refusalRoom = 256
	// leastNewcomers is how many clients of one address may be on their way in, however few may be admitted: those beyond are
	// told so, as long as there are not many more.
	leastNewcomers = 16
	// maxCredentialChecks is how many handshakes may wait for somebody's word on a credential at once.
	maxCredentialChecks = 4096
	// backendHandshakes is how many TLS handshakes with backends run at once. They are few, but for tunnels to wss://.
	backendHandshakes = 256
)

// newTurns are as many as leave the loops their processors.
func newTurns(ipv6Prefix int) *limits.Turns {
	return limits.NewTurns(runtime.GOMAXPROCS(0)/2, ipv6Prefix)
}

func newBounds(ipv6Prefix int) Bounds {
	count := func() *limits.Count { return limits.NewCount(0, 0, ipv6Prefix) } // until Bound
	return Bounds{accepted: count(), newcomers: count(), Admitted: count(), Requests: count(), credentialChecks: limits.NewShares(maxCredentialChecks, ipv6Prefix)}
}

// Bound sets what there may be of clients under a plan, and how many of them are remembered for their failures.
func (p *Process) Bound(next *plan.Plan) {
	cfg, room, b := next.Config, p.filesRoom(), &p.Bounds
	most, requests, perIP := p.maxConnections(cfg, room, next.Sockets), cfg.MaxRequests, cfg.MaxRequestsPerIP
	if requests == 0 {
		requests = max(1, room/2)
	}
	if perIP == 0 {
		perIP = max(1, requests/4)
	}
	b.accepted.Set(most+refusalRoom, 0)
	b.Admitted.Set(most, cfg.MaxConnectionsPerIP)
	b.newcomers.Set(most+refusalRoom, max(cfg.MaxConnectionsPerIP, leastNewcomers))
	b.Requests.Set(requests, perIP)
	p.Failures.Resize(cfg.RateTable)
}

// admit decides whether a well-formed request may go on to a backend.
func (p *Process) admit(s *session, client netip.Addr) *http1.Refusal {
	if p.Draining.Load() {
		return reasons.RefusedDraining
	}
	told, why := p.enter(client)
	s.marks.set(byAddress, told)
	if s.marks.set(admitted, why == nil); why == nil {
		s.leaveNewcomers()
	}
	return why
}

// enter counts a connection from ip, unless there are too many, and tells whether it counts by its address.
func (b *Bounds) enter(ip netip.Addr) (byAddress bool, why *http1.Refusal) {
	switch b.Admitted.Enter(ip) {
	case limits.InByAddress:
		return true, nil
	case limits.Full:
		return false, reasons.RefusedFull
	case limits.AddressFull:
		return false, reasons.RefusedPerIP
	}
	return false, nil
}

// enterRequest counts a plain request, until leave is called. Proxies of ours ask for many.
func (p *Process) enterRequest(ip netip.Addr) (leave func(), why *http1.Refusal) {
	if ip.IsValid() && p.Plan.Load().IsProxy(ip) {
		ip = netip.Addr{}
	}
	switch p.Requests.Enter(ip) {
	case limits.In:
		ip = netip.Addr{}
	case limits.Full:
		return nil, reasons.RefusedRequests
	case limits.AddressFull:
		return nil, reasons.RefusedRequestsPerIP
	}
	return func() { p.Requests.Leave(ip) }, nil
}
