package gateway

import (
	"context"
	"encoding/binary"
	"net/netip"
	"sync"
	"sync/atomic"

	"weir/codec/http1"
	"weir/gateway/limits"
	"weir/gateway/web"
)

// process is what the sessions of all loops share. Immutable; what it points to is for any goroutine.
type process struct {
	*env
	bounds
	access   accessLog
	web      *web.Server
	running  context.Context // ends with the gateway
	pingMark [4]byte
	shortage func() // asks for descriptors, without waiting for them

	plan     atomic.Pointer[plan] // in force
	memory   giveBack
	draining atomic.Bool
	drained  sync.WaitGroup // counts loops that are not drained yet, and the HTTP server
}

// bounds are what is counted across all loops and protocols. It is touched when a client or a request comes, is admitted
// and goes, never by a message.
type bounds struct {
	accepted *limits.Count  // connections, from accept to their last byte
	atDoor   *limits.Count  // of these, those of limited addresses whose request is still to come
	admitted *limits.Count  // connections whose request was let in
	requests *limits.Count  // plain requests in flight, over whatever they came
	proofs   *limits.Shares // handshakes whose credential somebody else looks at
}

// inForce is the plan of newcomers, held.
func (p *process) inForce() *plan {
	for {
		now := p.plan.Load()
		now.hold()
		if p.plan.Load() == now {
			return now
		}
		now.release()
	}
}

// admit decides whether a well-formed request may go on to a backend.
func (p *process) admit(s *session, client netip.Addr) *http1.Refusal {
	if p.draining.Load() {
		return refusedDraining
	}
	told, why := p.enter(client)
	s.marks.set(byAddress, told)
	if s.marks.set(admitted, why == nil); why == nil {
		s.leaveDoor()
	}
	return why
}

// enter counts a connection from ip, unless there are too many, and tells whether it counts by its address.
func (b *bounds) enter(ip netip.Addr) (byAddress bool, why *http1.Refusal) {
	switch b.admitted.Enter(ip) {
	case limits.InByAddress:
		return true, nil
	case limits.Full:
		return false, refusedFull
	case limits.AddressFull:
		return false, refusedPerIP
	}
	return false, nil
}

// pingPayload marks a ping as ours: 4 bytes that only this gateway knows, and when it was sent.
func (p *process) pingPayload(at moment) (b [8]byte) {
	copy(b[:4], p.pingMark[:])
	binary.BigEndian.PutUint32(b[4:], uint32(at))
	return b
}

func (p *process) pingMoment(b [8]byte) (at moment, own bool) {
	return moment(binary.BigEndian.Uint32(b[4:])), [4]byte(b[:4]) == p.pingMark
}
