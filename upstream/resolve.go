package upstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"weir/netpoll"
	"weir/upstream/balance"
)

const (
	lookupTimeout = 5 * time.Second
	maxLookups    = 8   // at once
	maxAddresses  = 256 // kept of one answer
)

// An identity is what an endpoint's sessions, counters and health belong to.
type identity struct {
	spec string
	addr netpoll.Addr
}

// refresh looks the names up again and again, at times that differ from gateway
// to gateway, so that they do not ask the name server in step.
func (g *Group) refresh() {
	for {
		interval := time.Duration(float64(g.options.DNSInterval) * (0.9 + 0.2*rand.Float64()))
		select {
		case <-g.ctx.Done():
			return
		case <-time.After(interval):
		}
		g.resolve()
		if g.ctx.Err() != nil {
			return
		}
		g.publish()
		g.watch()
	}
}

// resolve updates the answers, a few lookups at a time. A host whose lookup fails
// keeps its last good one; the failures are joined in the error.
func (g *Group) resolve() error {
	ctx, cancel := context.WithTimeout(g.ctx, lookupTimeout)
	defer cancel()
	hosts := g.hosts()
	type answer struct {
		addrs []netip.Addr
		err   error
	}
	found := make([]answer, len(hosts))
	slots := make(chan struct{}, maxLookups)
	var lookups sync.WaitGroup
	for i, host := range hosts {
		slots <- struct{}{}
		lookups.Go(func() {
			found[i].addrs, found[i].err = g.lookup(ctx, host)
			<-slots
		})
	}
	lookups.Wait()

	var failed error
	known := g.Lookups()
	for i, host := range hosts {
		a, last := found[i], g.answers[host]
		known[i].done(a.err)
		if a.err != nil {
			failed = errors.Join(failed, a.err)
			g.resolved(host, last, a.err)
			continue
		}
		if !slices.Equal(a.addrs, last) {
			g.answers[host] = a.addrs
			g.resolved(host, a.addrs, nil)
		}
	}
	g.lookups.Store(&known)
	return failed
}

// hosts are the names to look up, each once.
func (g *Group) hosts() []string {
	var hosts []string
	for _, s := range g.specs {
		if s.isName() {
			hosts = append(hosts, s.Host)
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// lookup returns a host's addresses in order. A host with addresses of both
// families is usually one machine reached in two ways, so the IPv6 ones count
// only where there are no others.
func (g *Group) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	found, err := g.options.Resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("host %s: %w", host, err)
	}
	var four, six []netip.Addr
	for _, a := range found {
		if a = a.Unmap(); a.Is4() {
			four = append(four, a)
		} else if a.Zone() == "" && a.IsValid() {
			six = append(six, a)
		}
	}
	addrs := four
	if len(addrs) == 0 {
		addrs = six
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("host %s: the answer has no address", host)
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	addrs = slices.Compact(addrs)
	// Cut after sorting, so that all gateways keep the same ones.
	return addrs[:min(len(addrs), maxAddresses)], nil
}

func (g *Group) resolved(host string, addrs []netip.Addr, err error) {
	if g.options.OnResolve != nil {
		g.tell(func() { g.options.OnResolve(host, addrs, err) })
	}
}

// publish makes the members that the answers call for the current ones. Members
// that stay are kept as they are; one that is only renamed keeps its vitals.
func (g *Group) publish() {
	old := g.Endpoints()
	known := make(map[identity]*Endpoint, len(old))
	for _, e := range old {
		known[e.identity()] = e
	}
	var members []*Endpoint
	for _, s := range g.specs {
		for _, wanted := range g.membersOf(s) {
			id := wanted.identity()
			was := known[id]
			delete(known, id)
			switch {
			case was == nil:
				wanted.vitals = newVitals(g.rules)
				wanted.vitals.tls = newClientTLS(g.options.TLS, s)
			case was.Name == wanted.Name:
				wanted = was
			default:
				wanted.vitals = was.vitals
			}
			members = append(members, wanted)
		}
	}
	slices.SortFunc(members, func(a, b *Endpoint) int { return cmp.Compare(a.Name, b.Name) })
	g.current.Store(newSnapshot(members))
	for _, gone := range known {
		gone.vitals.retire()
	}
}

// membersOf lists a backend's endpoints, without vitals.
func (g *Group) membersOf(s Spec) []*Endpoint {
	if s.Path != "" {
		return []*Endpoint{newEndpoint(s.base(), netpoll.Unix(s.Path), s)}
	}
	addrs := g.answers[s.Host]
	if literal, ok := s.literal(); ok {
		addrs = []netip.Addr{literal}
	}
	members := make([]*Endpoint, len(addrs))
	for i, addr := range addrs {
		name := s.base()
		if len(addrs) > 1 {
			name += "@" + addr.String()
		}
		members[i] = newEndpoint(name, netpoll.IP(netip.AddrPortFrom(addr, s.Port)), s)
	}
	return members
}

func newEndpoint(name string, addr netpoll.Addr, s Spec) *Endpoint {
	return &Endpoint{Name: name, Addr: addr, Weight: s.Weight, Spec: s, id: Hash([]byte(name))}
}

func newSnapshot(members []*Endpoint) *snapshot {
	entries := make([]balance.Member, len(members))
	byID := make(map[uint64]*Endpoint, len(members))
	for i, e := range members {
		byID[e.id] = e
		entries[i] = balance.Member{Name: e.Name, Weight: e.Weight, Load: &e.vitals.load}
	}
	return &snapshot{endpoints: members, byID: byID, table: balance.NewTable(entries)}
}

func (e *Endpoint) identity() identity { return identity{e.Spec.base(), e.Addr} }
