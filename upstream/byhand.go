package upstream

import (
	"errors"
	"maps"
	"sync"
)

// ByHand is what operators have changed about endpoints, by name. It outlives the groups that go by it, and an endpoint's
// absence. Any goroutine may use it; nil has nothing.
type ByHand struct {
	mu  sync.Mutex
	all map[string]Manual
}

// Manual is what was changed about an endpoint.
type Manual struct {
	Drained bool `json:"drained,omitempty"` // it gets no new sessions
	Weight  int  `json:"weight,omitempty"`  // instead of its own, from 1 to 1000; 0: its own
}

// maxByHand bounds the endpoints that are changed at once.
const maxByHand = 10_000

// Change has do change what is known of an endpoint. Groups go by it from their next Apply on.
func (h *ByHand) Change(name string, do func(*Manual)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.all[name]
	do(&m)
	if m == (Manual{}) {
		delete(h.all, name)
		return nil
	}
	if _, known := h.all[name]; !known && len(h.all) >= maxByHand {
		return errors.New("too many endpoints have been changed by hand; enable some, or give them their own weight again")
	}
	if h.all == nil {
		h.all = map[string]Manual{}
	}
	h.all[name] = m
	return nil
}

// All is a copy.
func (h *ByHand) All() map[string]Manual {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.all)
}

// Take replaces what is there.
func (h *ByHand) Take(all map[string]Manual) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = all
}

func (h *ByHand) of(name string) Manual {
	if h == nil {
		return Manual{}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all[name]
}

// Apply goes by what has changed in ByHand.
func (g *Group) Apply() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.publish(g.Endpoints())
}
