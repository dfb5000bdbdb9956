package auth

import (
	"bytes"
	"fmt"
	"net/netip"
	"net/url"

	"weir/codec/http1"
)

// Request is what is known of a handshake or a plain request. Its bytes are lent until Now returns; for Wait, Clone it.
type Request struct {
	Method, Host, Target []byte
	Path, Query          []byte // Target before and after the first '?'
	Fields               []http1.Field
	Client               netip.Addr
	TLS                  bool // the client speaks TLS, here or at a trusted proxy
}

// Clone makes a copy that owns its bytes.
func (r *Request) Clone() *Request {
	c := *r
	for _, b := range []*[]byte{&c.Method, &c.Host, &c.Target, &c.Path, &c.Query} {
		*b = bytes.Clone(*b)
	}
	c.Fields = make([]http1.Field, len(r.Fields))
	for i, f := range r.Fields {
		c.Fields[i] = http1.Field{Name: bytes.Clone(f.Name), Value: bytes.Clone(f.Value)}
	}
	return &c
}

// String leaves out what may be a credential.
func (r Request) String() string { return fmt.Sprintf("%s %s%s", r.Method, r.Host, r.Path) }

// each calls yield with every item of a list, its name and its value; the value is nil without a '='. What yield
// answers tells whether to go on.
func each(list []byte, sep byte, yield func(item, name, value []byte) bool) {
	for more := true; more; {
		var item []byte
		if i := bytes.IndexByte(list, sep); i >= 0 {
			item, list = list[:i], list[i+1:]
		} else {
			item, more = list, false
		}
		if item = bytes.Trim(item, " \t"); len(item) == 0 {
			continue
		}
		name, value, ok := bytes.Cut(item, []byte{'='})
		if !ok {
			value = nil
		}
		if !yield(item, name, value) {
			return
		}
	}
}

// unescape undoes a query's escapes, if it has any. What is malformed stays as it is, and will be no credential.
func unescape(b []byte) []byte {
	if bytes.IndexByte(b, '%') < 0 && bytes.IndexByte(b, '+') < 0 {
		return b
	}
	if s, err := url.QueryUnescape(string(b)); err == nil {
		return []byte(s)
	}
	return b
}
