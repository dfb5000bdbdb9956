package session

import (
	"context"
	"encoding/binary"
	"net/netip"
	"sync"
	"sync/atomic"

	"weir/codec/http1"
	"weir/gateway/limits"
	"weir/gateway/observe"
	"weir/gateway/plan"
	"weir/gateway/reasons"
	"weir/gateway/web"
)

// Process is what the sessions of all loops share. Immutable; what it points to is for any goroutine.
type Process struct {
	*plan.Env
	Bounds
	Access   observe.AccessLog
	Web      *web.Server
	Running  context.Context // ends with the gateway
	PingMark [4]byte
	Shortage func() // asks for descriptors, without waiting for them

	Plan     atomic.Pointer[plan.Plan] // in force
	Memory   giveBack
	Draining atomic.Bool
	Drained  sync.WaitGroup // counts loops that are not drained yet, and the HTTP server
}

// Bounds are what is counted across all loops and protocols. It is touched when a client or a request comes, is admitted
// and goes, never by a message.
type Bounds struct {
	Accepted         *limits.Count  // connections, from accept to their last byte
	Newcomers        *limits.Count  // of these, those of limited addresses whose request is still to come
	Admitted         *limits.Count  // connections whose request was let in
	Requests         *limits.Count  // plain requests in flight, over whatever they came
	CredentialChecks *limits.Shares // handshakes whose credential somebody else looks at
}

// InForce is the plan of newcomers, held.
func (p *Process) InForce() *plan.Plan {
	for {
		now := p.Plan.Load()
		now.Hold()
		if p.Plan.Load() == now {
			return now
		}
		now.Release()
	}
}

// admit decides whether a well-formed request may go on to a backend.
func (p *Process) admit(s *session, client netip.Addr) *http1.Refusal {
	if p.Draining.Load() {
		return reasons.RefusedDraining
	}
	why := p.enter(client)
	if s.marks.set(admitted, why == nil); why == nil {
		s.leaveNewcomers()
	}
	return why
}

// enter counts a connection from ip, unless there are too many.
func (b *Bounds) enter(ip netip.Addr) *http1.Refusal {
	switch b.Admitted.Enter(ip) {
	case limits.Full:
		return reasons.RefusedFull
	case limits.AddressFull:
		return reasons.RefusedPerIP
	}
	return nil
}

// pingPayload marks a ping as ours: 4 bytes that only this gateway knows, and when it was sent.
func (p *Process) pingPayload(at moment) (b [8]byte) {
	copy(b[:4], p.PingMark[:])
	binary.BigEndian.PutUint32(b[4:], uint32(at))
	return b
}

func (p *Process) pingMoment(b [8]byte) (at moment, own bool) {
	return moment(binary.BigEndian.Uint32(b[4:])), [4]byte(b[:4]) == p.PingMark
}
