package upstream

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// A Lookup is how it stands with a host name among the backends.
type Lookup struct {
	Host     string
	Backends []string  // that the name stands for, as a URL each
	Known    bool      // it has addresses that are in use
	Failures uint64    // look-ups that led to no address
	Error    string    // of the last one; "": it led to one
	Since    time.Time // of the first failure in a row
}

// Lookups are all host names, in order. The slice is the caller's.
func (g *Group) Lookups() []Lookup { return slices.Clone(*g.lookups.Load()) }

func (g *Group) tellLookups() {
	all := make([]Lookup, len(g.names))
	for i, n := range g.names {
		all[i] = n.told
	}
	g.lookups.Store(&all)
}

// inherit takes over what the group before knows of the names that both have, until they are due.
func (g *Group) inherit(before *Group) {
	if before.options.Family != g.options.Family {
		return
	}
	before.mu.Lock()
	defer before.mu.Unlock()
	for _, n := range g.names {
		for _, was := range before.names {
			if was.told.Host == n.told.Host {
				backends := n.told.Backends
				*n = *was
				n.told.Backends, n.found, n.err = backends, nil, nil
			}
		}
	}
}

// A name is a host name among the backends. It belongs to the goroutine that resolves, but is read under the group's lock.
type name struct {
	told  Lookup
	addrs []netip.Addr // in use

	found []netip.Addr // the last answer
	err   error

	due        time.Time
	settled    bool          // not to be looked up again
	wait       time.Duration // before the last look-up, while there is no address
	emptySince time.Time     // when name servers began to say that there is no address; zero: they do not
}

// newNames are those of the specs, each once, in order.
func newNames(specs []Spec) []*name {
	var all []*name
	for _, s := range specs {
		if !s.isName() {
			continue
		}
		i := slices.IndexFunc(all, func(n *name) bool { return n.told.Host == s.Host })
		if i < 0 {
			i = len(all)
			all = append(all, &name{told: Lookup{Host: s.Host}})
		}
		all[i].told.Backends = append(all[i].told.Backends, s.base())
	}
	slices.SortFunc(all, func(a, b *name) int { return strings.Compare(a.told.Host, b.told.Host) })
	return all
}

// answer notes what a look-up gave.
func (n *name) answer(found []netip.Addr, err error) { n.found, n.err = found, err }

// take makes the last answer count, and tells whether that is news. A look-up that fails changes no address; one that
// finds none does so once that has lasted for hold.
func (n *name) take(now time.Time, hold time.Duration) (news bool) {
	l := &n.told
	if n.err == nil {
		news = l.Error != "" || !slices.Equal(n.found, n.addrs)
		n.addrs, n.wait, n.emptySince = n.found, 0, time.Time{}
		l.Known, l.Error, l.Since = true, "", time.Time{}
		return news
	}
	if l.Failures++; l.Error == "" {
		news, l.Since = true, now
	}
	l.Error = n.err.Error()
	if !isEmpty(n.err) {
		return news
	}
	if n.emptySince.IsZero() {
		n.emptySince = now
	}
	if len(n.addrs) > 0 && now.Sub(n.emptySince) >= hold {
		news, l.Known, n.addrs = true, false, nil
	}
	return news
}
