package upstream

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"weir/netpoll"
	"weir/upstream/balance"
)

// publish makes the members that the addresses call for the current ones. Of the old ones those that stay are kept as they
// are, perhaps on other terms.
func (g *Group) publish(old []*Endpoint) {
	g.mu.Lock()
	defer g.mu.Unlock()
	known := make(map[string]*Endpoint, len(old))
	for _, e := range old {
		known[e.Name] = e
	}
	var members []*Endpoint
	for _, s := range g.specs {
		for _, addr := range g.addrsOf(s) {
			e := known[s.nameAt(addr)]
			delete(known, s.nameAt(addr))
			if e == nil || e.Addr != addr || e.Spec != s.bare() || !g.started() {
				e = g.newEndpoint(s, addr, e)
			}
			t := Terms{Weight: s.Weight, Max: s.Max, Priority: s.Priority, Zone: s.Zone}
			g.goBy(e, &t)
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

// goBy has a member go by its terms, and by what was changed by hand.
func (g *Group) goBy(e *Endpoint, t *Terms) {
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
}

// addrsOf lists where a backend's endpoints are.
func (g *Group) addrsOf(s Spec) []netpoll.Addr {
	if s.Path != "" {
		return []netpoll.Addr{netpoll.Unix(s.Path)}
	}
	var ips []netip.Addr
	if literal, ok := s.literal(); ok {
		ips = []netip.Addr{literal}
	} else {
		i := slices.IndexFunc(g.names, func(n *name) bool { return n.told.Host == s.Host })
		ips = g.names[i].addrs
	}
	if s.ID != "" {
		ips = ips[:min(len(ips), 1)] // it is one backend, perhaps reached in several ways
	}
	addrs := make([]netpoll.Addr, len(ips))
	for i, ip := range ips {
		addrs[i] = netpoll.IP(netip.AddrPortFrom(ip, s.Port))
	}
	return addrs
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
