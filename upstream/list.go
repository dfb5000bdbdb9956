package upstream

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"weir/internal/watch"
)

const (
	listLook    = time.Second // how often a file is looked at
	maxListSize = 4 << 20
	maxListed   = 5000 // backends of one
)

// A list is a file that names backends. It is read and changed by the goroutine that resolves, under the group's lock.
type list struct {
	file  string
	told  Lookup
	specs []Spec // in use

	used       [sha256.Size]byte // content that these were made of
	seen       reading           // by the last look
	due        time.Time
	emptySince time.Time // when it began to name no backend; zero: it does
}

type reading struct {
	sum [sha256.Size]byte
	err string
}

var errNoBackend = errors.New("the list is empty")

// openLists reads the files. One that cannot be used is as the group before has it; that is an error if it has not.
func (g *Group) openLists() error {
	for _, file := range g.options.Files {
		l := &list{file: file, told: Lookup{Host: file}}
		known := g.options.Before != nil && g.options.Before.lend(l)
		g.lists = append(g.lists, l)
		if _, err := l.look(g, true); err != nil && !known && !errors.Is(err, errNoBackend) {
			return &watch.Error{What: "list of backends", File: file, Err: err}
		}
	}
	return nil
}

// lend gives another group's list what this one knows of the same file.
func (g *Group) lend(l *list) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.IndexFunc(g.lists, func(was *list) bool { return was.file == l.file })
	if i >= 0 {
		*l = *g.lists[i]
	}
	return i >= 0
}

// listsDue is when the files are looked at next; zero: there are none.
func (g *Group) listsDue() (next time.Time) {
	for _, l := range g.lists {
		if next.IsZero() || l.due.Before(next) {
			next = l.due
		}
	}
	return next
}

// readLists looks at the files that are due, and tells whether the backends are others now.
func (g *Group) readLists() (changed bool) {
	now, looked := time.Now(), false
	for _, l := range g.lists {
		if !l.due.After(now) {
			looked = true
			others, _ := l.look(g, false)
			changed = others || changed
		}
	}
	if changed {
		g.mu.Lock()
		g.supply()
		g.mu.Unlock()
	}
	if looked {
		g.tellLookups()
	}
	return changed
}

// look reads the file again, and tells whether its backends are others. Two looks in a row have to find the same, unless it
// is the first: a file that is being written is not taken. One that cannot be used leaves the backends as they are; one that
// is empty does so for a while.
func (l *list) look(g *Group, first bool) (changed bool, err error) {
	content, err := watch.Read(l.file, maxListSize)
	now := reading{sum: sha256.Sum256(content)}
	if err != nil {
		now.err = err.Error()
	}
	same := now == l.seen || first
	l.seen, l.due = now, time.Now().Add(listLook)
	if !same || now.err == "" && now.sum == l.used && l.told.Error == "" {
		return false, nil
	}
	var specs []Spec
	if err == nil {
		specs, err = g.listed(l, content)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return l.take(g, specs, now.sum, err), err
}

// take makes what a look gave count. It is called under the group's lock.
func (l *list) take(g *Group, specs []Spec, sum [sha256.Size]byte, err error) (changed bool) {
	news, now := false, time.Now()
	switch {
	case err == nil:
		changed = !slices.Equal(specs, l.specs)
		news = l.told.good() || changed
		l.specs, l.used, l.emptySince = specs, sum, time.Time{}
	case errors.Is(err, errNoBackend):
		news = l.told.bad(err, now)
		if l.emptySince.IsZero() {
			l.emptySince = now
		}
		if len(l.specs) > 0 && now.Sub(l.emptySince) >= g.options.EmptyHold {
			l.specs, l.told.Known, news, changed = nil, false, true, true
		}
	default:
		news = l.told.bad(err, now)
	}
	if news {
		g.told(l.file, l.backends(), err)
	}
	return changed
}

// backends are those in use, as text, for people.
func (l *list) backends() []string {
	all := []string{}
	for _, s := range l.specs[:min(len(l.specs), maxTold)] {
		all = append(all, s.String())
	}
	return withMore(all, len(l.specs))
}

// listed are the backends that a file names. They have to go with those that are named elsewhere.
func (g *Group) listed(l *list, content []byte) ([]Spec, error) {
	var texts []string
	if err := yaml.Unmarshal(content, &texts); err != nil {
		return nil, fmt.Errorf("is not a list of backends, one a line, such as '- ws://10.0.0.1:9000': %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(texts) == 0 {
		return nil, errNoBackend
	}
	if len(texts) > maxListed {
		return nil, fmt.Errorf("names %d backends, more than %d", len(texts), maxListed)
	}
	var specs []Spec
	var wrong []error
	for _, text := range texts {
		s, err := ParseSpec(text)
		if err == nil && g.options.Admits != nil {
			err = g.options.Admits(s)
		}
		if specs = append(specs, s); err != nil {
			wrong = append(wrong, err)
		}
	}
	if wrong != nil {
		return nil, errors.Join(wrong...)
	}
	all := slices.Concat(g.fixed, specs)
	for _, other := range g.lists {
		if other != l {
			all = append(all, other.specs...)
		}
	}
	return specs, Distinct(all)
}
