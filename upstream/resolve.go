package upstream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	lookupTimeout = 5 * time.Second
	maxLookups    = 8   // at once
	maxAddresses  = 256 // kept of one answer

	firstRetry = time.Second      // after a look-up without an address; each further wait is twice the one before
	lastRetry  = 30 * time.Second // the longest of these waits where names that have addresses are not looked up again
)

// Resolve looks up the names that are due, all of them at first, within five seconds. Names that lead to no address
// are tried again by Start, and so are all of them if nobody calls this before.
func (g *Group) Resolve() {
	now := time.Now()
	var due []*name
	for _, n := range g.names {
		if !n.due.After(now) && !n.settled {
			due = append(due, n)
		}
	}
	ctx, cancel := context.WithTimeout(g.ctx, lookupTimeout)
	defer cancel()
	slots := make(chan struct{}, maxLookups)
	var lookups sync.WaitGroup
	for _, n := range due {
		slots <- struct{}{}
		lookups.Go(func() {
			n.answer(g.lookup(ctx, n.told.Host))
			<-slots
		})
	}
	lookups.Wait()
	if g.ctx.Err() != nil {
		return // what was called off says nothing
	}
	g.mu.Lock()
	for _, n := range due {
		g.settle(n)
	}
	g.mu.Unlock()
	g.tellLookups()
	g.publish(g.Endpoints())
}

// settle takes a name's answer: which addresses it stands for from now on, and when it is looked up again.
func (g *Group) settle(n *name) {
	if n.take(time.Now(), g.options.EmptyHold) && g.options.OnResolve != nil {
		host, addrs, err := n.told.Host, n.addrs, n.err
		g.tell(func() { g.options.OnResolve(host, addrs, err) })
	}
	interval := g.options.DNSInterval
	n.settled = interval == 0 && n.err == nil
	if interval == 0 {
		interval = lastRetry
	}
	if n.err != nil {
		n.wait = min(max(2*n.wait, firstRetry), interval)
		interval = n.wait
	}
	// Gateways that were started together do not ask the name server in step.
	n.due = time.Now().Add(time.Duration(float64(interval) * (0.9 + 0.2*rand.Float64())))
	if end := n.emptySince.Add(g.options.EmptyHold); len(n.addrs) > 0 && !n.emptySince.IsZero() && end.Before(n.due) {
		n.due = end
	}
}

// refresh looks the names up again and again.
func (g *Group) refresh() {
	for {
		var next *name
		for _, n := range g.names {
			if !n.settled && (next == nil || n.due.Before(next.due)) {
				next = n
			}
		}
		if next == nil {
			return
		}
		select {
		case <-g.ctx.Done():
			return
		case <-time.After(time.Until(next.due)):
		}
		g.Resolve()
		g.watch()
	}
}

// Family is which addresses of a host name are endpoints.
type Family string

const (
	FamilyAuto Family = "auto" // IPv6 only where there is no IPv4; "" means the same
	FamilyAny  Family = "any"
	FamilyIPv4 Family = "ipv4"
	FamilyIPv6 Family = "ipv6"
)

// network is what a Resolver is asked for.
func (f Family) network() string {
	switch f {
	case FamilyIPv4:
		return "ip4"
	case FamilyIPv6:
		return "ip6"
	}
	return "ip"
}

// errNoAddress is what a name comes to that exists, without an address that counts.
var errNoAddress = errors.New("the answer has no address")

// isEmpty tells whether a name server has said that there is no address, rather than nothing.
func isEmpty(err error) bool {
	var dns *net.DNSError
	return errors.Is(err, errNoAddress) || errors.As(err, &dns) && dns.IsNotFound
}

// lookup returns a host's addresses in order.
func (g *Group) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	family := g.options.Family
	found, err := g.options.Resolver.LookupNetIP(ctx, family.network(), host)
	if err != nil {
		return nil, fmt.Errorf("host %s: %w", host, err)
	}
	addrs := family.choose(found)
	if len(addrs) == 0 {
		return nil, fmt.Errorf("host %s: %w", host, errNoAddress)
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	addrs = slices.Compact(addrs)
	// Cut after sorting, so that all gateways keep the same ones.
	return addrs[:min(len(addrs), maxAddresses)], nil
}

// choose leaves the addresses that count. A host with both families is usually one machine reached in two ways, so that
// by default the IPv6 ones count only where there are no others.
func (f Family) choose(found []netip.Addr) []netip.Addr {
	var four, six []netip.Addr
	for _, a := range found {
		if a = a.Unmap(); a.Is4() {
			four = append(four, a)
		} else if a.Zone() == "" && a.IsValid() {
			six = append(six, a)
		}
	}
	switch {
	case f == FamilyAny:
		return append(four, six...)
	case f == FamilyIPv6, f != FamilyIPv4 && len(four) == 0:
		return six
	}
	return four
}
