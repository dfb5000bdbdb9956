package routing

import (
	"bytes"
	"slices"
)

// An Outcome is what becomes of a request.
type Outcome uint8

const (
	Taken    Outcome = iota // by the route
	Unserved                // no route takes it
	Unclear                 // a server could read its path as one of another route
)

// Choose gives the index of the route that a request takes. Where its path
// decides, an ambiguous one is taken only if all that it can be read as leads to
// one route, and that lets such paths pass. Any other path is not taken if a
// backend could read it as one of a route that asks more of who comes in.
func (t *Table) Choose(s *Subject) (index int, out Outcome) {
	if t.all {
		return 0, Taken
	}
	p := newProbe(s)
	taken := t.find(&p)
	switch {
	case !t.pathDecides(&p):
	case Ambiguous(s.Path):
		if taken < 0 || !t.entries[taken].terms.Encoded || !t.leads(&p, func(i int) bool { return i == taken }) {
			return 0, Unclear
		}
	case taken >= 0 && t.guarded && !t.leads(&p, func(i int) bool { return i < 0 || !t.guards(i, taken) }):
		return 0, Unclear
	}
	if taken < 0 {
		return 0, Unserved
	}
	return taken, Taken
}

// pathDecides tells whether another path could change what becomes of a request
// that is the same else.
func (t *Table) pathDecides(p *probe) bool {
	for i := range t.entries {
		switch e := &t.entries[i]; {
		case !e.holdsBesidesPath(p):
		case len(e.paths) > 0 || e.terms.ReadsPath:
			return true
		default:
			return false
		}
	}
	return false
}

// leads tells whether every route that the path can be read as leading to is
// good; -1 stands for none.
func (t *Table) leads(p *probe, good func(i int) bool) bool {
	return readings(p.path, func(path []byte) bool {
		r := reading{bare: bytes.TrimSuffix(path, []byte{'/'})}
		for i := range t.entries {
			if e := &t.entries[i]; e.holdsBesidesPath(p) && e.mayTake(&r) {
				return good(i)
			}
		}
		return good(-1)
	})
}

func (e *entry) mayTake(r *reading) bool {
	return len(e.paths) == 0 || slices.ContainsFunc(e.paths, func(p path) bool { return p.mayBe(r) })
}

// guards tells whether whoever is let in by route b has not been asked what
// route a asks, though both lead to one backend.
func (t *Table) guards(a, b int) bool {
	guard, open := &t.entries[a].terms, &t.entries[b].terms
	return guard.Guard != "" && guard.Guard != open.Guard &&
		slices.ContainsFunc(guard.Backends, func(name string) bool { return slices.Contains(open.Backends, name) })
}
