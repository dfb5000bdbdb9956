package routing

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// An Error is one mistake in a Match.
type Error struct {
	Entry int    // index of the match
	Key   string // as in the configuration: "host", "path", "path-prefix", "path-regexp", "method", "header" or "query"
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
	methods []string
	headers []pair
	queries []pair
	terms   Terms
}

func compile(m *Match, wrong func(key string, err error)) entry {
	paths := each("path", m.Paths, parseExact, wrong)
	paths = append(paths, each("path-prefix", m.Prefixes, parsePrefix, wrong)...)
	paths = append(paths, each("path-regexp", m.Regexps, parseRegexp, wrong)...)
	return entry{
		hosts:   each("host", m.Hosts, parseHost, wrong),
		paths:   paths,
		methods: each("method", m.Methods, parseMethod, wrong),
		headers: each("header", m.Headers, parseHeader, wrong),
		queries: each("query", m.Queries, parseQuery, wrong),
		terms:   m.Terms,
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
	method []byte
	name   []byte     // the host without port and final dot; empty for an IPv6 address
	ip     netip.Addr // that address
	path   []byte     // in its normal form
	query  []byte
	field  Fields
}

func newProbe(s *Subject) probe {
	p := probe{method: s.Method, path: Normal(s.Path), query: s.Query, field: s.Fields}
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
	onMethod
	onHeader
	onQuery
)

// unmet is the first condition that does not hold, for headers and queries with
// the index of the one.
func (e *entry) unmet(p *probe) (condition, int) {
	switch {
	case len(e.hosts) > 0 && !anyHost(e.hosts, p):
		return onHost, 0
	case len(e.paths) > 0 && !anyPath(e.paths, p.path):
		return onPath, 0
	}
	return e.unmetElse(p)
}

// unmetElse looks at neither host nor path.
func (e *entry) unmetElse(p *probe) (condition, int) {
	if len(e.methods) > 0 && !anyMethod(e.methods, p.method) {
		return onMethod, 0
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

// holdsBesidesPath tells whether the path alone decides.
func (e *entry) holdsBesidesPath(p *probe) bool {
	unmet, _ := e.unmetElse(p)
	return unmet == nothing && (len(e.hosts) == 0 || anyHost(e.hosts, p))
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

func anyMethod(methods []string, method []byte) bool {
	return slices.ContainsFunc(methods, func(m string) bool { return string(method) == m })
}

func parseMethod(text string) (string, error) {
	if !httpguts.ValidHeaderFieldName(text) || strings.ToUpper(text) != text { // both are tokens (RFC 9110 section 9.1)
		return "", fmt.Errorf("%q is not a method; write GET, POST, OPTIONS and so on, in capitals", text)
	}
	return text, nil
}

// why puts an unmet condition into words.
func (e *entry) why(p *probe, unmet condition, k int) string {
	switch unmet {
	case onHost:
		return fmt.Sprintf("host %s is not %s", p.hostText(), alternatives(e.hosts))
	case onPath:
		return fmt.Sprintf("path %s is not %s", p.path, alternatives(e.paths))
	case onMethod:
		return fmt.Sprintf("method %s is not %s", p.method, strings.Join(e.methods, " or "))
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
