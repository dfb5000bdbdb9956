package upstream

import (
	"cmp"
	"context"
	"slices"
	"time"

	"weir/upstream/discovery"
)

// A Lookup is how it stands with a source of backends: a host's name, a service, a file.
type Lookup struct {
	Host     string
	Backends []string  // that it stands for, as a URL each; none: it is a file
	Known    bool      // it has addresses that are in use
	Failures uint64    // look-ups that led to no address
	Error    string    // of the last one; "": it led to one
	Since    time.Time // of the first failure in a row
}

// good notes a success, and tells whether that is news.
func (l *Lookup) good() (news bool) {
	news = l.Error != ""
	l.Known, l.Error, l.Since = true, "", time.Time{}
	return news
}

// bad notes a failure, and tells whether it is the first in a row.
func (l *Lookup) bad(err error, now time.Time) (news bool) {
	if l.Failures++; l.Error == "" {
		news, l.Since = true, now
	}
	l.Error = err.Error()
	return news
}

// Lookups are all sources, in order, files last. The slice is the caller's.
func (g *Group) Lookups() []Lookup { return slices.Clone(*g.lookups.Load()) }

func (g *Group) tellLookups() {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []Lookup
	for _, s := range g.supplies {
		all = append(all, s.told)
	}
	for _, l := range g.lists {
		all = append(all, l.told)
	}
	g.lookups.Store(&all)
}

// An origin is what a set of targets comes from.
type origin struct {
	source     Source
	host, port string // the port of a Kubernetes Service
}

// origin is where the spec's targets come from; it has none if it is an address or a path.
func (s Spec) origin() origin { return origin{s.Source, s.Host, s.ServicePort} }

func (o origin) String() string {
	if o.port != "" {
		return o.host + ":" + o.port
	}
	return o.host
}

// A supply is what an origin has said. It is the group's, under its lock.
type supply struct {
	origin
	told    Lookup
	targets []discovery.Target // in use

	found []discovery.Target // the last answer
	ttl   time.Duration      // how long it may be kept
	err   error

	due        time.Time
	settled    bool               // not to be asked again
	wait       time.Duration      // before the last look-up, while there is no address
	emptySince time.Time          // when the origin began to say that there is no address; zero: it does not
	stop       context.CancelFunc // ends listening to an origin that tells by itself; nil: nobody does
}

// supply makes the specs and supplies those of the lists as they are, and keeps what is known. It is called under mu, or
// before the group is shared.
func (g *Group) supply() {
	g.specs = slices.Clone(g.fixed)
	for _, l := range g.lists {
		g.specs = append(g.specs, l.specs...)
	}
	was := g.supplies
	g.supplies = nil
	for _, s := range g.specs {
		if !s.isName() {
			continue
		}
		n := g.supplyOf(s.origin())
		if n == nil {
			i := slices.IndexFunc(was, func(n *supply) bool { return n.origin == s.origin() })
			if i >= 0 {
				n = was[i]
				was = slices.Delete(slices.Clone(was), i, i+1)
			} else {
				n = &supply{origin: s.origin(), told: Lookup{Host: s.origin().String()}}
			}
			n.told.Backends = nil
			g.supplies = append(g.supplies, n)
		}
		n.told.Backends = append(n.told.Backends, s.base())
	}
	for _, gone := range was {
		if gone.stop != nil {
			gone.stop()
		}
	}
	slices.SortFunc(g.supplies, func(a, b *supply) int {
		return cmp.Or(cmp.Compare(a.host, b.host), cmp.Compare(a.source, b.source), cmp.Compare(a.port, b.port))
	})
}

// supplyOf is nil if no backend comes from there.
func (g *Group) supplyOf(o origin) *supply {
	if i := slices.IndexFunc(g.supplies, func(n *supply) bool { return n.origin == o }); i >= 0 {
		return g.supplies[i]
	}
	return nil
}

// inherit takes over what the group before knows of the origins that both have, until they are due.
func (g *Group) inherit(before *Group) {
	if before.options.Family != g.options.Family {
		return
	}
	before.mu.Lock()
	defer before.mu.Unlock()
	for _, n := range g.supplies {
		if was := before.supplyOf(n.origin); was != nil {
			backends := n.told.Backends
			*n = *was
			n.told.Backends, n.stop = backends, nil
		}
	}
}

// answer notes what a look-up gave.
func (n *supply) answer(found []discovery.Target, ttl time.Duration, err error) {
	if err == nil && len(found) == 0 {
		err = errNoAddress
	}
	n.found, n.ttl, n.err = found, ttl, err
}

// take makes the last answer count, and tells whether that is news. A look-up that fails changes no address; one that
// finds none does so once that has lasted for hold.
func (n *supply) take(now time.Time, hold time.Duration) (news bool) {
	l := &n.told
	if n.err == nil {
		news = l.good() || !slices.Equal(n.found, n.targets)
		n.targets, n.wait, n.emptySince = n.found, 0, time.Time{}
		return news
	}
	news = l.bad(n.err, now)
	if !isEmpty(n.err) {
		return news
	}
	if n.emptySince.IsZero() {
		n.emptySince = now
	}
	if len(n.targets) > 0 && now.Sub(n.emptySince) >= hold {
		news, l.Known, n.targets = true, false, nil
	}
	return news
}
