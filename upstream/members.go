package upstream

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"weir/netpoll"
	"weir/upstream/balance"
	"weir/upstream/discovery"
)

// publish makes the members that the sources call for the current ones. Of the old ones those that stay are kept as they
// are, perhaps on other terms. It is called under mu.
func (g *Group) publish(old []*Endpoint) {
	known := make(map[string]*Endpoint, len(old))
	for _, e := range old {
		known[e.Name] = e
	}
	var members []*Endpoint
	for _, s := range g.specs {
		for _, at := range g.placesOf(s) {
			name := s.nameAt(at.addr)
			e := known[name]
			delete(known, name)
			if e == nil || e.Addr != at.addr || e.Spec != s.bare() || !g.started() {
				e = g.newEndpoint(s, at.addr, e)
			}
			t := s.termsAt(at.target)
			g.goBy(e, &t, at.target.Leaving)
			members = append(members, e)
		}
	}
	slices.SortFunc(members, func(a, b *Endpoint) int { return cmp.Compare(a.Name, b.Name) })
	g.current.Store(g.newSnapshot(members, g.current.Load().table))
	for _, gone := range known {
		gone.vitals.retire(g.rules)
		if g.started() {
			g.leaves(gone, CauseLeaving)
		}
	}
}

// goBy has a member go by its terms, by what was changed by hand, and by what its source says of its end.
func (g *Group) goBy(e *Endpoint, t *Terms, leaving bool) {
	m := g.options.ByHand.of(e.Name)
	if m.Weight > 0 {
		t.Weight = m.Weight
	}
	e.terms.Store(t)
	reason := "enabled by hand"
	if m.Drained {
		reason = "drained by hand"
	}
	e.vitals.set(e, CauseManual, m.Drained, reason)
	reason = "its source has it stay"
	if leaving {
		reason = "its source says that it is about to end"
	}
	e.vitals.set(e, CauseLeaving, leaving, reason)
}

// A place is where an endpoint is.
type place struct {
	addr   netpoll.Addr
	target discovery.Target
}

// termsAt are the spec's own, and else those of the source.
func (s Spec) termsAt(t discovery.Target) Terms {
	terms := Terms{Weight: s.Weight, Max: s.Max, Priority: s.Priority, Zone: cmp.Or(s.Zone, t.Zone)}
	if s.Weight == 1 {
		terms.Weight = max(t.Weight, 1)
	}
	if s.Priority == 0 {
		terms.Priority = t.Priority
	}
	return terms
}

// placesOf lists where a backend's endpoints are.
func (g *Group) placesOf(s Spec) []place {
	if s.Path != "" {
		return []place{{addr: netpoll.Unix(s.Path)}}
	}
	var targets []discovery.Target
	if literal, ok := s.literal(); ok {
		targets = []discovery.Target{{Addr: netip.AddrPortFrom(literal, 0)}}
	} else {
		targets = g.supplyOf(s.origin()).targets
	}
	if s.ID != "" { // it is one backend, perhaps reached in several ways
		stays := slices.IndexFunc(targets, func(t discovery.Target) bool { return !t.Leaving })
		targets = targets[max(stays, 0):]
		targets = targets[:min(len(targets), 1)]
	}
	places := make([]place, len(targets))
	for i, t := range targets {
		if s.Source == SourceAddress {
			t.Addr = netip.AddrPortFrom(t.Addr.Addr(), s.Port)
		}
		places[i] = place{netpoll.IP(t.Addr), t}
	}
	return places
}

// newEndpoint makes a backend's endpoint; was is the one that had its name at another address, or nil.
func (g *Group) newEndpoint(s Spec, addr netpoll.Addr, was *Endpoint) *Endpoint {
	e := &Endpoint{Name: s.nameAt(addr), Addr: addr, Spec: s.bare()}
	e.id = Hash([]byte(e.Name))
	switch {
	case was == nil:
		e.vitals = newVitals(g.rules, newClientTLS(g.options.TLS, s))
		e.vitals.load.Since.Store(time.Now().UnixNano())
	case g.started():
		e.vitals = was.vitals
		e.vitals.moved(e)
	default: // it is another group's until then, see takeOver
		e.vitals = was.vitals
	}
	return e
}

// takeOver has the endpoints of the group before go by this one's rules, and be checked here alone.
func (g *Group) takeOver(before *Group) {
	before.unwatch()
	for _, e := range g.Endpoints() {
		was := before.ByID(e.id)
		if was == nil || was.vitals != e.vitals {
			continue
		}
		e.vitals.take(e, g.rules)
		moved := was.Addr != e.Addr || was.Spec.Scheme != e.Spec.Scheme
		if moved {
			e.vitals.moved(e)
		}
		if moved || was.Spec.Host != e.Spec.Host || g.options.TLS != before.options.TLS {
			e.vitals.tls.Store(newClientTLS(g.options.TLS, e.Spec))
		}
	}
}

func (g *Group) newSnapshot(members []*Endpoint, before *balance.Table) *snapshot {
	entries := make([]balance.Member, len(members))
	byID := make(map[uint64]*Endpoint, len(members))
	for i, e := range members {
		byID[e.id] = e
		t := e.terms.Load()
		entries[i] = balance.Member{Name: e.Name, Weight: t.Weight, Max: t.Max, Priority: t.Priority,
			Near: g.options.Zone != "" && t.Zone == g.options.Zone, Load: &e.vitals.load}
	}
	return &snapshot{endpoints: members, byID: byID, table: balance.NewTable(entries, before)}
}
