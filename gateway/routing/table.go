package routing

import (
	"errors"
	"strings"
)

// A Match is what a route asks of a request, as written. Within Hosts any one
// has to hold; Paths, Prefixes and Regexps are one condition, of which any one
// has to hold, as has one of Methods; of Headers and Queries all have to. What
// is empty asks nothing.
// The tags are for package config, which reads a Match as it reads its knobs.
type Match struct {
	Hosts    []string `knob:"host" filled:"true"`                 // "chat.example.com", "[::1]", or "*.example.com" for all below; ports do not count
	Paths    []string `knob:"path" filled:"true" sep:"\n"`        // "/chat": this path alone
	Prefixes []string `knob:"path-prefix" filled:"true" sep:"\n"` // "/chat" or "/chat/": this path and all below, not "/chatter"
	Regexps  []string `knob:"path-regexp" filled:"true" sep:"\n"` // RE2, on the whole path
	Methods  []string `knob:"method" filled:"true"`               // "GET", as written; a WebSocket handshake is one
	Headers  []string `knob:"header" filled:"true" sep:"\n"`      // "Name: value", or "Name" where any value will do
	Queries  []string `knob:"query" filled:"true" sep:"\n"`       // "name=value", as sent, or "name"

	Terms Terms `knob:"-"` // of the route, which are no condition
}

// Terms are what counts of a route besides, where a path can be read in several
// ways.
type Terms struct {
	ReadsPath bool     // a path decides more than the route: what a backend is asked for, or who is let in
	Encoded   bool     // ambiguous paths pass
	Guard     string   // what is asked of those who come in; "": nothing
	Backends  []string // whom the route leads to
}

// Any tells whether m takes every request.
func (m *Match) Any() bool {
	return len(m.Hosts)+len(m.Paths)+len(m.Prefixes)+len(m.Regexps)+len(m.Methods)+len(m.Headers)+len(m.Queries) == 0
}

// String is what m asks for, in words.
func (m Match) String() string {
	if m.Any() {
		return "every request"
	}
	var paths []string
	paths = append(paths, m.Paths...)
	for _, p := range m.Prefixes {
		paths = append(paths, "below "+p)
	}
	for _, r := range m.Regexps {
		paths = append(paths, "like "+r)
	}
	var all []string
	add := func(what, between string, values []string) {
		if len(values) > 0 {
			all = append(all, what+" "+strings.Join(values, between))
		}
	}
	add("host", " or ", m.Hosts)
	add("path", " or ", paths)
	add("method", " or ", m.Methods)
	add("header", " and ", m.Headers)
	add("query", " and ", m.Queries)
	return strings.Join(all, "; ")
}

// A Subject is the request that looks for its route.
type Subject struct {
	Method []byte
	Host   []byte // as in the Host field; a port does not count
	Path   []byte // as sent, escapes and all
	Query  []byte // without '?'
	Fields Fields // nil: no header fields
}

// Fields are a request's header fields, without Host. Get gives the first value
// of a name, whatever its case, and nil if there is none.
type Fields interface{ Get(name string) []byte }

// A Table holds the conditions of all routes.
type Table struct {
	entries []entry
	all     bool // there is one that takes every request, whatever its path
	guarded bool // some routes lead to one backend and do not ask the same of who comes in
}

// New compiles the matches. The error joins an *Error for each that is wrong.
func New(matches []Match) (*Table, error) {
	t := &Table{entries: make([]entry, len(matches))}
	var problems []error
	for i := range matches {
		wrong := func(key string, err error) {
			problems = append(problems, &Error{Entry: i, Key: key, Err: err})
		}
		t.entries[i] = compile(&matches[i], wrong)
		for k := range i {
			t.guarded = t.guarded || t.guards(i, k) || t.guards(k, i)
		}
	}
	t.all = len(matches) == 1 && matches[0].Any() && !matches[0].Terms.ReadsPath
	return t, errors.Join(problems...)
}

// Find gives the index of the first match whose conditions all hold.
func (t *Table) Find(s *Subject) (index int, ok bool) {
	p := newProbe(s)
	i := t.find(&p)
	return max(i, 0), i >= 0
}

// find is -1 if there is none.
func (t *Table) find(p *probe) int {
	for i := range t.entries {
		if unmet, _ := t.entries[i].unmet(p); unmet == nothing {
			return i
		}
	}
	return -1
}

// Explain gives a line for each route that Find looks at: the condition that
// does not hold, or "taken" for the last if there is one to take.
func (t *Table) Explain(s *Subject) []string {
	p := newProbe(s)
	var lines []string
	for i := range t.entries {
		e := &t.entries[i]
		unmet, k := e.unmet(&p)
		if unmet == nothing {
			return append(lines, "taken")
		}
		lines = append(lines, e.why(&p, unmet, k))
	}
	return lines
}
