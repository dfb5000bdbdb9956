package routing

import (
	"slices"
	"strings"
)

// Covered gives for each match the first one before it that takes every request it could take, or -1. It tells of none by
// mistake, but not of all: expressions are compared as text.
func (t *Table) Covered() []int {
	by := make([]int, len(t.entries))
	for i := range t.entries {
		by[i] = slices.IndexFunc(t.entries[:i], func(e entry) bool { return e.covers(&t.entries[i]) })
	}
	return by
}

// covers tells whether e takes every request that other takes.
func (e *entry) covers(other *entry) bool {
	return coversAny(e.hosts, other.hosts, host.covers) && coversAny(e.paths, other.paths, path.covers) &&
		coversAny(e.methods, other.methods, func(a, b string) bool { return a == b }) &&
		coversAll(e.headers, other.headers, strings.EqualFold) && coversAll(e.queries, other.queries, func(a, b string) bool { return a == b })
}

// coversAny is for conditions of which one has to hold: each of the other's needs one of ours that covers it.
func coversAny[T any](ours, others []T, covers func(T, T) bool) bool {
	return len(ours) == 0 || len(others) > 0 && !slices.ContainsFunc(others, func(o T) bool {
		return !slices.ContainsFunc(ours, func(our T) bool { return covers(our, o) })
	})
}

// coversAll is for conditions that all have to hold: each of ours has to follow from one of the other's.
func coversAll(ours, others []pair, same func(a, b string) bool) bool {
	return !slices.ContainsFunc(ours, func(our pair) bool {
		return !slices.ContainsFunc(others, func(o pair) bool {
			return same(our.name, o.name) && (our.any || !o.any && our.value == o.value)
		})
	})
}

func (h host) covers(other host) bool {
	return h == other || h.below && strings.HasSuffix(other.name, h.name)
}

func (p path) covers(other path) bool {
	switch {
	case other.like != nil:
		return p.like != nil && p.text == other.text
	case p.like != nil:
		return !other.below && p.like.MatchString(other.text)
	case p.below:
		return other.text == p.text || strings.HasPrefix(other.text, p.text+"/")
	}
	return !other.below && p.text == other.text
}
