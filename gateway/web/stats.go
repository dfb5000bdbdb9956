package web

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Stats is a snapshot of what a server has done. All but Active and Idle only grow.
type Stats struct {
	Active    int       // connections now
	Idle      int       // those of them that have no request
	Accepted  uint64    // connections taken
	Upgrades  uint64    // of these, handed back for a WebSocket
	Requests  [6]uint64 // by the first digit of the answer's status; [0]: without an answer
	BytesUp   uint64    // of bodies
	BytesDown uint64
	ByReason  map[string]uint64 // requests that were refused or broke off, by the reason's name
}

type counters struct {
	conns, upgrades, up, down atomic.Uint64
	requests                  [6]atomic.Uint64

	mu      sync.Mutex
	reasons map[string]uint64 // names are constants, so it stays small
}

// Stats reads the counters, each by itself.
func (s *Server) Stats() Stats {
	c := &s.count
	out := Stats{Accepted: c.conns.Load(), Upgrades: c.upgrades.Load(), BytesUp: c.up.Load(), BytesDown: c.down.Load()}
	for i := range c.requests {
		out.Requests[i] = c.requests[i].Load()
	}
	s.mu.Lock()
	out.Active, out.Idle = len(s.links), s.idle.Len()
	s.mu.Unlock()
	c.mu.Lock()
	out.ByReason = maps.Clone(c.reasons)
	c.mu.Unlock()
	return out
}

// done counts a request that is over.
func (c *counters) done(l *Line) {
	class := l.Status / 100
	if class >= len(c.requests) {
		class = 0 // a status that no RFC knows
	}
	c.requests[class].Add(1)
	c.up.Add(l.BytesUp)
	c.down.Add(l.BytesDown)
	if l.Reason != "" {
		c.mu.Lock()
		c.reasons[l.Reason]++
		c.mu.Unlock()
	}
}
