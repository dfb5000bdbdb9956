package http1

import "bytes"

// Request is the head of a client's request. The zero value is ready for Parse.
type Request struct {
	// Views into the bytes that were parsed, set once Parse has given n > 0.
	Method, Target []byte // Target in origin-form, also where it came in absolute-form (RFC 9112 section 3.2)
	Path, Query    []byte // Target before and after the first '?'; Query is nil without one
	Host           []byte // of the target if that names one, without an empty port; nil: HTTP/1.0 need not say
	Fields         []Field
	Body           Framing // of what follows the head

	Key []byte // Sec-WebSocket-Key, a view too; set by CheckUpgrade

	minor   byte // of HTTP/1.x
	unusual bool // others could read the bytes in another way than we, see Unusual
	head    head
}

// Reset makes r ready for a new head. The room for fields is kept.
func (r *Request) Reset() {
	fields := r.Fields[:0]
	r.head.reset()
	*r = Request{Fields: fields, head: r.head}
}

// Parse looks at b, which holds all bytes of the connection so far: it may have moved since the last call, but not
// shrunk, and lim stays the same. n is the head's length and b[n:] came early; n == 0 without a refusal means that
// more is needed. After a refusal only Reset is of use.
func (r *Request) Parse(b []byte, lim Limits) (n int, refusal *Refusal) {
	for r.head.first == (span{}) {
		from := r.head.start
		if len(b) > from && !isToken[b[from]] && b[from] != '\r' {
			return 0, badRequestLine // a TLS hello: nothing to wait for
		}
		line, ok, f := r.head.line(b, lim)
		switch {
		case !ok:
			return 0, refusalOf[f]
		case len(line) == 0: // RFC 9112 section 2.2
			continue
		}
		if refusal = r.requestLine(line, from, lim); refusal != nil {
			return 0, refusal
		}
	}
	n, f := r.head.fields(b, lim)
	if n == 0 {
		return 0, refusalOf[f]
	}
	target := r.view(b)
	if refusal := r.check(target, lim); refusal != nil {
		return 0, refusal
	}
	return n, nil
}

// view gives the target as it came.
func (r *Request) view(b []byte) (t target) {
	first := r.head.first.field(b)
	t = parseTarget(first.Value)
	r.Method, r.Target = first.Name, t.origin
	r.Path, r.Query = r.Target, nil
	if i := bytes.IndexByte(r.Target, '?'); i >= 0 {
		r.Path, r.Query = r.Target[:i], r.Target[i+1:]
	}
	r.Fields = r.head.view(r.Fields, b)
	r.unusual = r.head.first.name > 0 || t.host != nil
	return t
}

// check applies the rules on fields that every request has to keep: one Host (RFC 9112 section 3.2) and a body whose
// end nobody can see elsewhere.
func (r *Request) check(t target, lim Limits) *Refusal {
	hosts := 0
	var said lengthFields
	for _, f := range r.Fields {
		switch {
		case is(f.Name, "host"):
			r.Host = f.Value
			hosts++
		case is(f.Name, "transfer-encoding"):
			said.coding = f.Value
			said.codings++
		case is(f.Name, "content-length"):
			said.add(f.Value)
		}
	}
	switch {
	case hosts == 0 && r.minor > 0:
		return noHost
	case hosts > 1:
		return twoHosts
	case hosts == 1 && !validHost(r.Host):
		return badHost
	case t.host != nil && !validHost(t.host):
		return badTarget
	case options(r.Fields) > lim.Fields:
		return refusalOf[tooManyFields]
	case r.minor == 0 && said.codings > 0:
		return badTransferCoding // RFC 9112 section 6.1
	}
	if t.host != nil {
		r.Host = t.host
	}
	if portless, empty := bytes.CutSuffix(r.Host, colon); empty { // RFC 3986 section 6.2.3
		r.Host, r.unusual = portless, true
	}
	r.unusual = r.unusual || said.lengths > 1
	return r.Body.read(&said)
}

var colon = []byte{':'}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// Get is the first value of the field called name, whatever the case; nil if there is none.
func (r *Request) Get(name string) []byte {
	v, _ := only(r.Fields, name)
	return v
}

// Cookie is the first value of the cookie called name, as sent; nil if there is none (RFC 6265 section 4.2).
func (r *Request) Cookie(name string) []byte {
	for _, f := range r.Fields {
		if !is(f.Name, "cookie") {
			continue
		}
		if v := pair(f.Value, ';', name); v != nil {
			return v
		}
	}
	return nil
}

// QueryParam is the first value of the parameter called name, as sent, escapes and all; nil if there is none.
func (r *Request) QueryParam(name string) []byte { return pair(r.Query, '&', name) }

// pair finds name=value in a list; a name without '=' has an empty value.
func pair(list []byte, sep byte, name string) []byte {
	for len(list) > 0 {
		item := list
		if i := bytes.IndexByte(list, sep); i >= 0 {
			item, list = list[:i], list[i+1:]
		} else {
			list = nil
		}
		item = trim(item)
		if len(item) < len(name) || string(item[:len(name)]) != name {
			continue
		}
		if len(item) == len(name) {
			return item[len(name):]
		}
		if item[len(name)] == '=' {
			return item[len(name)+1:]
		}
	}
	return nil
}

// Only is the first value of the field whose name in lower case is given, and how many there are.
func (r *Request) Only(name string) (value []byte, n int) { return only(r.Fields, name) }

// Unusual tells that others could read the head in another way than it was understood here, or not at all. AppendHead
// writes what was understood.
func (r *Request) Unusual() bool { return r.unusual }

// AppendHead adds the request's head in the form that every parser reads alike: a target in origin-form, one Host and one
// length. What else it says stays.
func (r *Request) AppendHead(dst []byte) []byte {
	dst = append(append(dst, r.Method...), ' ')
	dst = append(append(dst, r.Target...), " HTTP/1."...)
	dst = append(dst, '0'+r.minor, '\r', '\n')
	if r.Host != nil {
		dst = appendField(dst, Field{hostName, r.Host})
	}
	lengths := 0
	for _, f := range r.Fields {
		switch {
		case is(f.Name, "host"):
			continue
		case is(f.Name, "content-length"):
			if lengths++; lengths > 1 {
				continue
			}
			f.Value = firstLength(f.Value)
		}
		dst = appendField(dst, f)
	}
	return append(dst, '\r', '\n')
}

var hostName = []byte("Host")
