package route

import (
	"fmt"
	"net/netip"
	"strings"
)

// An Error is one mistake in a Match.
type Error struct {
	Entry int    // index of the match
	Key   string // as in the configuration: "host", "path", "path-prefix", "path-regexp", "header" or "query"
	Err   error
}

func (e *Error) Error() string {
	return fmt.Sprintf("routes[%d]: match: %s: %v", e.Entry, e.Key, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// An entry is a compiled Match.
type entry struct {
	hosts   []host
	paths   []path
	headers []pair
	queries []pair
}

func compile(m *Match, wrong func(key string, err error)) entry {
	paths := each("path", m.Paths, parseExact, wrong)
	paths = append(paths, each("path-prefix", m.Prefixes, parsePrefix, wrong)...)
	paths = append(paths, each("path-regexp", m.Regexps, parseRegexp, wrong)...)
	return entry{
		hosts:   each("host", m.Hosts, parseHost, wrong),
		paths:   paths,
		headers: each("header", m.Headers, parseHeader, wrong),
		queries: each("query", m.Queries, parseQuery, wrong),
	}
}

func each[T any](key string, texts []string, parse func(string) (T, error), wrong func(string, error)) []T {
	var all []T
	for _, text := range texts {
		one, err := parse(text)
		if err != nil {
			wrong(key, err)
			continue
		}
		all = append(all, one)
	}
	return all
}

// A probe is a Subject made ready for comparing.
type probe struct {
	name  []byte     // the host without port and final dot; empty for an IPv6 address
	ip    netip.Addr // that address
	path  []byte     // in its normal form
	query []byte
	field Fields
}

func newProbe(s *Subject) probe {
	p := probe{path: Normal(s.Path), query: s.Query, field: s.Fields}
	p.name, p.ip = splitHost(s.Host)
	return p
}

func (p *probe) header(name string) []byte {
	if p.field == nil {
		return nil
	}
	return p.field.Get(name)
}

// A condition is a kind of thing that a Match asks for.
type condition int

const (
	nothing condition = iota
	onHost
	onPath
	onHeader
	onQuery
)

// unmet is the first condition that does not hold, for headers and queries with
// the index of the one.
func (e *entry) unmet(p *probe) (condition, int) {
	if len(e.hosts) > 0 && !anyHost(e.hosts, p) {
		return onHost, 0
	}
	if len(e.paths) > 0 && !anyPath(e.paths, p.path) {
		return onPath, 0
	}
	for i := range e.headers {
		if h := &e.headers[i]; !h.holds(p.header(h.name)) {
			return onHeader, i
		}
	}
	for i := range e.queries {
		if q := &e.queries[i]; !q.holds(parameter(p.query, q.name)) {
			return onQuery, i
		}
	}
	return nothing, 0
}

func anyHost(hosts []host, p *probe) bool {
	for i := range hosts {
		if hosts[i].is(p) {
			return true
		}
	}
	return false
}

func anyPath(paths []path, b []byte) bool {
	for i := range paths {
		if paths[i].is(b) {
			return true
		}
	}
	return false
}

// why puts an unmet condition into words.
func (e *entry) why(p *probe, unmet condition, k int) string {
	switch unmet {
	case onHost:
		return fmt.Sprintf("host %s is not %s", p.hostText(), alternatives(e.hosts))
	case onPath:
		return fmt.Sprintf("path %s is not %s", p.path, alternatives(e.paths))
	case onHeader:
		return "header " + e.headers[k].why(p.header(e.headers[k].name))
	default:
		return "query parameter " + e.queries[k].why(parameter(p.query, e.queries[k].name))
	}
}

func alternatives[T fmt.Stringer](all []T) string {
	texts := make([]string, len(all))
	for i, one := range all {
		texts[i] = one.String()
	}
	return strings.Join(texts, " or ")
}
