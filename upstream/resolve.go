package upstream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"weir/upstream/discovery"
)

const (
	lookupTimeout = 5 * time.Second
	maxLookups    = 8 // at once

	firstRetry = time.Second      // after a look-up without an address; each further wait is twice the one before
	lastRetry  = 30 * time.Second // the longest of these waits where names that have addresses are not looked up again
)

// Resolve asks the origins that are due, all of them at first, within five seconds. Those that lead to no address
// are tried again by Start, and so are all of them if nobody calls this before.
func (g *Group) Resolve() {
	due := g.due(time.Now())
	ctx, cancel := context.WithTimeout(g.ctx, lookupTimeout)
	defer cancel()
	slots := make(chan struct{}, maxLookups)
	var lookups sync.WaitGroup
	for _, n := range due {
		slots <- struct{}{}
		lookups.Go(func() {
			targets, ttl, err := g.ask(ctx, n.origin)
			<-slots
			g.mu.Lock()
			defer g.mu.Unlock()
			if n.stop == nil { // else somebody listens by now, and knows better
				n.answer(targets, ttl, err)
			}
		})
	}
	lookups.Wait()
	if g.ctx.Err() != nil {
		return // what was called off says nothing
	}
	g.mu.Lock()
	now := time.Now()
	for _, n := range g.supplies {
		if slices.Contains(due, n) || n.stop != nil && !n.settled && !n.due.After(now) {
			g.settle(n)
		}
	}
	g.publish(g.Endpoints())
	g.mu.Unlock()
	g.tellLookups()
}

// due are the supplies to be asked now. Those that tell by themselves are not.
func (g *Group) due(now time.Time) (all []*supply) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, n := range g.supplies {
		if !n.settled && n.stop == nil && !n.due.After(now) {
			all = append(all, n)
		}
	}
	return all
}

// settle takes the last answer: which targets count from now on, and when the origin is asked again. It is called under mu.
func (g *Group) settle(n *supply) {
	now, o := time.Now(), &g.options
	if n.take(now, o.EmptyHold) {
		g.told(n.told.Host, addressesOf(n), n.err)
	}
	interval := o.DNSInterval
	n.settled = n.source == SourceKubernetes || interval == 0 && n.err == nil
	if interval == 0 {
		interval = lastRetry
	}
	if n.err == nil {
		interval = min(max(n.ttl, o.DNSMinTTL), interval)
	} else {
		n.wait = min(max(2*n.wait, firstRetry), interval)
		interval = n.wait
	}
	// Gateways that were started together do not ask the name server in step.
	n.due = now.Add(time.Duration(float64(interval) * (0.9 + 0.2*rand.Float64())))
	if end := n.emptySince.Add(o.EmptyHold); len(n.targets) > 0 && !n.emptySince.IsZero() && (n.settled || end.Before(n.due)) {
		n.settled, n.due = false, end
	}
}

// told has OnResolve told.
func (g *Group) told(source string, addrs []string, err error) {
	if g.options.OnResolve != nil {
		g.tell(func() { g.options.OnResolve(source, addrs, err) })
	}
}

// refresh asks again and again.
func (g *Group) refresh() {
	for {
		next := g.next()
		if read := g.listsDue(); !read.IsZero() && (next.IsZero() || read.Before(next)) {
			next = read
		}
		var come <-chan time.Time // never, if nothing is due
		if !next.IsZero() {
			come = time.After(time.Until(next))
		}
		select {
		case <-g.ctx.Done():
			return
		case <-g.wake:
			continue
		case <-come:
		}
		changed := g.readLists()
		if next := g.next(); changed || !next.IsZero() && !next.After(time.Now()) {
			g.Resolve()
			g.follow()
			g.watch()
		}
	}
}

// next is when a supply is due; zero: none is.
func (g *Group) next() (next time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, n := range g.supplies {
		if !n.settled && (next.IsZero() || n.due.Before(next)) {
			next = n.due
		}
	}
	return next
}

// errNoAddress is what an origin comes to that is known, without an address that counts.
var errNoAddress = errors.New("the answer has no address")

// isEmpty tells whether an origin has said that there is no address, rather than nothing.
func isEmpty(err error) bool {
	var dns *net.DNSError
	return errors.Is(err, errNoAddress) || errors.As(err, &dns) && dns.IsNotFound
}

// ask returns an origin's targets in order, and how long they may be kept.
func (g *Group) ask(ctx context.Context, o origin) (targets []discovery.Target, ttl time.Duration, err error) {
	switch o.source {
	case SourceSRV:
		targets, ttl, err = g.options.Resolver.LookupSRV(ctx, o.host, g.options.Family)
		targets = ranked(targets)
	case SourceKubernetes:
		targets, err = g.first(ctx, o)
	default:
		answer, failed := g.options.Resolver.LookupIP(ctx, o.host, g.options.Family)
		ttl, err = answer.TTL, failed
		for _, a := range answer.Addrs {
			targets = append(targets, target(a))
		}
	}
	if err == nil && len(targets) == 0 {
		err = errNoAddress
	}
	if err != nil {
		return nil, 0, fmt.Errorf("host %s: %w", o, err)
	}
	return targets, ttl, nil
}
