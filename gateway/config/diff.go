package config

import (
	"fmt"
	"slices"
	"strings"
)

// Difference is what one configuration changes in another. Its lists are in the order of the new configuration, and of
// the old one for what has gone.
type Difference struct {
	RoutesAdded      []string      `json:"routes_added,omitempty"`
	RoutesRemoved    []string      `json:"routes_removed,omitempty"`
	RoutesChanged    []RouteChange `json:"routes_changed,omitempty"`
	RoutesMoved      bool          `json:"routes_moved,omitempty"` // those that stay are tried in another order
	BackendsAdded    []string      `json:"backends_added,omitempty"`
	BackendsRemoved  []string      `json:"backends_removed,omitempty"`
	ListenersAdded   []string      `json:"listeners_added,omitempty"`
	ListenersRemoved []string      `json:"listeners_removed,omitempty"`
	Changed          []string      `json:"changed,omitempty"` // knobs of the whole gateway
	Restart          []string      `json:"restart,omitempty"` // those of them that count at the next start alone
}

// RouteChange says which knobs and conditions of a route have another value, the top level's defaults for it included.
type RouteChange struct {
	Route string   `json:"route"`
	Knobs []string `json:"knobs"`
}

// Empty tells that nothing changes.
func (d *Difference) Empty() bool {
	return d.Restart == nil && d.Changed == nil && d.RoutesAdded == nil && d.RoutesRemoved == nil && d.RoutesChanged == nil &&
		!d.RoutesMoved && d.BackendsAdded == nil && d.BackendsRemoved == nil && d.ListenersAdded == nil && d.ListenersRemoved == nil
}

// Diff tells what next changes in c.
func (c *Config) Diff(next *Config) Difference {
	var d Difference
	for i := range knobs {
		k := &knobs[i]
		if k.route || k.name == "config" || k.same(c, next) {
			continue
		}
		d.Changed = append(d.Changed, k.name)
		if k.restart {
			d.Restart = append(d.Restart, k.name)
		}
	}
	if !slices.Equal(c.SiteTexts(), next.SiteTexts()) {
		d.Changed = append(d.Changed, sitesKey)
	}
	d.diffRoutes(c, next)
	d.BackendsRemoved, d.BackendsAdded = changes(c.allBackends(), next.allBackends(), strings.Clone)
	d.ListenersRemoved, d.ListenersAdded = changes(c.listeners(), next.listeners(), listenerKey)
	return d
}

func (d *Difference) diffRoutes(c, next *Config) {
	var before, after []string // identities of those that are in both
	old, fresh := c.byIdentity(), next.byIdentity()
	for i := range next.Routes {
		r := &next.Routes[i]
		id := r.Identity()
		was := old[id]
		if was == nil {
			d.RoutesAdded = append(d.RoutesAdded, r.Name)
			continue
		}
		after = append(after, id)
		if differing := was.differing(r); differing != nil {
			d.RoutesChanged = append(d.RoutesChanged, RouteChange{r.Name, differing})
		}
	}
	for i := range c.Routes {
		r := &c.Routes[i]
		id := r.Identity()
		if fresh[id] == nil {
			d.RoutesRemoved = append(d.RoutesRemoved, r.Name)
			continue
		}
		before = append(before, id)
	}
	d.RoutesMoved = !slices.Equal(before, after)
}

// Identity is what makes a route the same one in another configuration: its name, or its conditions where it has none.
func (r *Route) Identity() string {
	if _, named := r.places["name"]; named || r.added {
		return "name " + r.Name
	}
	return "match " + r.Match.String()
}

// byIdentity finds routes by what makes them the same; of several, the first.
func (c *Config) byIdentity() map[string]*Route {
	m := make(map[string]*Route, len(c.Routes))
	for i := range c.Routes {
		r := &c.Routes[i]
		if id := r.Identity(); m[id] == nil {
			m[id] = r
		}
	}
	return m
}

// differing are the knobs and conditions in which two routes differ.
func (r *Route) differing(o *Route) (names []string) {
	for i := range matchKnobs {
		if k := &matchKnobs[i]; k.text(k.of(&r.Match)) != k.text(k.of(&o.Match)) {
			names = append(names, matchPrefix+k.name)
		}
	}
	for i := range knobs {
		if k := &knobs[i]; k.route && !k.same(r.Config, o.Config) {
			names = append(names, k.name)
		}
	}
	return names
}

// Keep is c with the values of start where another one counts after a restart alone.
func (c *Config) Keep(start *Config) *Config {
	return c.With(func(kept *Config) {
		for i := range knobs {
			if k := &knobs[i]; k.restart {
				k.of(kept).Set(k.of(start))
			}
		}
	})
}

// SameRoute tells whether every knob that a route may have for itself has the same value in both.
func (c *Config) SameRoute(o *Config) bool {
	for i := range knobs {
		if k := &knobs[i]; k.route && !k.same(c, o) {
			return false
		}
	}
	return true
}

// RouteText is what those knobs of these groups say that a route may have for itself, for comparing.
func (c *Config) RouteText(groups ...string) string {
	var b strings.Builder
	for i := range knobs {
		if k := &knobs[i]; k.route && slices.Contains(groups, k.group) {
			fmt.Fprintf(&b, "%s: %q\n", k.name, k.text(k.of(c)))
		}
	}
	return b.String()
}

// Text is what the knobs of these groups say, for comparing.
func (c *Config) Text(groups ...string) string {
	var b strings.Builder
	for i := range knobs {
		if k := &knobs[i]; slices.Contains(groups, k.group) {
			fmt.Fprintf(&b, "%s: %q\n", k.name, k.text(k.of(c)))
		}
	}
	return b.String()
}

// same tells whether a knob has the same value in both.
func (k *knob) same(c, o *Config) bool {
	a, b := k.of(c), k.of(o)
	if a.Comparable() {
		return a.Equal(b)
	}
	return k.text(a) == k.text(b)
}

// SiteTexts are what the sites say, for comparing.
func (c *Config) SiteTexts() (texts []string) {
	for i := range c.Sites {
		text := ""
		for j := range siteKnobs {
			text += siteKnobs[j].text(siteKnobs[j].of(&c.Sites[i])) + "\n"
		}
		texts = append(texts, text)
	}
	return texts
}

// allBackends are those of every route, each once.
func (c *Config) allBackends() (all []string) {
	known := map[string]bool{}
	for _, r := range c.Routes {
		for _, text := range slices.Concat(r.Config.Upstream, r.Config.HTTPUpstream) {
			if !known[text] {
				known[text] = true
				all = append(all, text)
			}
		}
	}
	return all
}

const withTLS = " with TLS"

// listenerKey is the same for all ways to write a listener.
func listenerKey(text string) string {
	addr, secure := strings.CutSuffix(text, withTLS)
	return fmt.Sprint(Bound(addr), secure)
}

func (c *Config) listeners() (all []string) {
	for _, addr := range c.Listen {
		all = append(all, addr)
	}
	for _, addr := range c.TLSListen {
		all = append(all, addr+withTLS)
	}
	return all
}

// changes are what is in one list alone. What has the same key is the same.
func changes(before, after []string, key func(string) string) (removed, added []string) {
	in := func(list []string) map[string]bool {
		m := make(map[string]bool, len(list))
		for _, s := range list {
			m[key(s)] = true
		}
		return m
	}
	b, a := in(before), in(after)
	for _, s := range before {
		if !a[key(s)] {
			removed = append(removed, s)
		}
	}
	for _, s := range after {
		if !b[key(s)] {
			added = append(added, s)
		}
	}
	return removed, added
}

// Lines tell the difference to people, one fact a line; none where there is no difference.
func (d *Difference) Lines() (lines []string) {
	list := func(what string, names []string) {
		if len(names) > 0 {
			lines = append(lines, what+": "+strings.Join(names, ", "))
		}
	}
	list("listeners added", d.ListenersAdded)
	list("listeners removed", d.ListenersRemoved)
	list("routes added", d.RoutesAdded)
	list("routes removed", d.RoutesRemoved)
	for _, r := range d.RoutesChanged {
		list(fmt.Sprintf("route %s changed", r.Route), r.Knobs)
	}
	if d.RoutesMoved {
		lines = append(lines, "the routes are tried in another order")
	}
	list("backends added", d.BackendsAdded)
	list("backends removed", d.BackendsRemoved)
	list("changed for the whole gateway", d.Changed)
	list("counts after a restart alone", d.Restart)
	return lines
}
