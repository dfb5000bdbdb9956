package session

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"sync"
	"sync/atomic"

	"weir/gateway/auth"
	"weir/gateway/certs"
	"weir/gateway/config"
	"weir/gateway/limits"
	"weir/gateway/observe"
	"weir/gateway/plan"
	"weir/gateway/web"
	"weir/netpoll"
)

// Process is what the sessions of all loops share. Immutable; what it points to is for any goroutine.
type Process struct {
	*plan.Env
	Bounds
	Access   observe.AccessLog
	Web      *web.Server
	Running  context.Context // ends with the gateway
	pingMark [4]byte
	rests    chan error // why a listener takes nobody for now

	Plan     atomic.Pointer[plan.Plan] // in force
	Memory   giveBack
	Draining atomic.Bool
	freeing  atomic.Bool    // idle connections are being closed
	Drained  sync.WaitGroup // counts loops that are not drained yet, and the HTTP server
}

// NewProcess makes what the sessions of a gateway share. Log, Access, Running, Web and Plan are the caller's to set.
func NewProcess(cfg *config.Config) *Process {
	prefix := cfg.IPv6Prefix
	p := &Process{rests: make(chan error, 1), Bounds: newBounds(prefix), Env: &plan.Env{Start: cfg, Metrics: observe.NewMetrics(), TicketSecrets: new(certs.Secrets), StickyKey: make([]byte, 32)}}
	_, _ = rand.Read(p.pingMark[:])
	_, _ = rand.Read(p.StickyKey)
	p.Compute, p.Sockets = newTurns(prefix), netpoll.NewSockets(p.filesRoom(), p.shortage)
	p.Failures = auth.NewFailures(auth.FailureOptions{Limit: cfg.AuthFailureRate, IPv6Prefix: prefix, Table: cfg.RateTable,
		Shared: func(ip netip.Addr) bool { return p.Plan.Load().IsProxy(ip) }})
	p.ToBackends = netpoll.NewHandshakes(limits.NewTurns(backendHandshakes, prefix), p.Compute)
	p.FromClients = netpoll.NewHandshakes(limits.NewTurns(cfg.TLSHandshakes, prefix), p.Compute)
	return p
}

// inForce is the plan of newcomers, held.
func (p *Process) inForce() *plan.Plan {
	for {
		now := p.Plan.Load()
		now.Hold()
		if p.Plan.Load() == now {
			return now
		}
		now.Release()
	}
}

// shortage has a want of descriptors met by those of idle connections, without waiting for it.
func (p *Process) shortage() {
	if p.freeing.CompareAndSwap(false, true) {
		go func() {
			p.Plan.Load().CloseIdle()
			p.freeing.Store(false)
		}()
	}
}

// pingPayload marks a ping as ours: 4 bytes that only this gateway knows, and when it was sent.
func (p *Process) pingPayload(at moment) (b [8]byte) {
	copy(b[:4], p.pingMark[:])
	binary.BigEndian.PutUint32(b[4:], uint32(at))
	return b
}

func (p *Process) pingMoment(b [8]byte) (at moment, own bool) {
	return moment(binary.BigEndian.Uint32(b[4:])), [4]byte(b[:4]) == p.pingMark
}
