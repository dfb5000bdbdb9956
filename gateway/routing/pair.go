package routing

import (
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// A pair is a header field or a query parameter that has to be there, perhaps
// with a certain value.
type pair struct {
	name, value string
	any         bool // any value will do
}

func parseHeader(text string) (pair, error) {
	name, value, given := strings.Cut(text, ":")
	p := pair{name: strings.TrimSpace(name), value: strings.Trim(value, " \t"), any: !given}
	switch {
	case !httpguts.ValidHeaderFieldName(p.name):
		return p, fmt.Errorf(`%q is not a header field; write "Name: value" or "Name"`, text)
	case !httpguts.ValidHeaderFieldValue(p.value):
		return p, fmt.Errorf("%q holds a control character, which no header field can", text)
	case strings.EqualFold(p.name, "host"):
		return p, fmt.Errorf("%q: what the Host field holds is for host", text)
	}
	return p, nil
}

func parseQuery(text string) (pair, error) {
	name, value, given := strings.Cut(text, "=")
	if name == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '&' || r == '#' }) {
		return pair{}, fmt.Errorf("%q is not a query parameter; write name=value or name, escaped as it is sent", text)
	}
	return pair{name: name, value: value, any: !given}, nil
}

// holds is told the value that was sent, nil if none was.
func (p *pair) holds(sent []byte) bool {
	return sent != nil && (p.any || string(sent) == p.value)
}

func (p *pair) why(sent []byte) string {
	if sent == nil {
		return p.name + " is missing"
	}
	return fmt.Sprintf("%s is %q, not %q", p.name, sent, p.value)
}

// parameter is the first value of the query parameter called name, as sent;
// empty for a name without '=', nil if there is none.
func parameter(query []byte, name string) []byte {
	for len(query) > 0 {
		item := query
		if i := bytes.IndexByte(query, '&'); i >= 0 {
			item, query = query[:i], query[i+1:]
		} else {
			query = nil
		}
		if len(item) < len(name) || string(item[:len(name)]) != name {
			continue
		}
		if rest := item[len(name):]; len(rest) == 0 {
			return rest
		} else if rest[0] == '=' {
			return rest[1:]
		}
	}
	return nil
}
