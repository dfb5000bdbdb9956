package http1

import (
	"bytes"
	"net/netip"
	"strconv"

	"weir/codec/internal/chars"
)

// Request is the head of a client's request. The zero value is ready for Parse.
type Request struct {
	// Views into the bytes that were parsed, set once Parse has given n > 0.
	Method, Target []byte
	Path, Query    []byte // Target before and after the first '?'; Query is nil without one
	Host           []byte
	Fields         []Field
	Body           Framing // of what follows the head

	Key []byte // Sec-WebSocket-Key, a view too; set by CheckUpgrade

	head head
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
	if r.head.start == 0 {
		if len(b) > 0 && !isToken[b[0]] {
			return 0, badRequestLine // a TLS hello, an empty line: nothing to wait for
		}
		line, ok, f := r.head.line(b, lim)
		if !ok {
			return 0, refusalOf[f]
		}
		if r.head.first, refusal = requestLine(line); refusal != nil {
			return 0, refusal
		}
	}
	n, f := r.head.fields(b, lim)
	if n == 0 {
		return 0, refusalOf[f]
	}
	r.view(b)
	if refusal := r.check(lim); refusal != nil {
		return 0, refusal
	}
	return n, nil
}

// requestLine splits method SP target SP version (RFC 9112 section 3). The span's name is the method, its value
// the target.
func requestLine(line []byte) (s span, refusal *Refusal) {
	method := bytes.IndexByte(line, ' ')
	end := bytes.LastIndexByte(line, ' ')
	if method <= 0 || end <= method+1 {
		return s, badRequestLine
	}
	target, version := line[method+1:end], line[end+1:]
	switch {
	case !chars.All(line[:method], &isToken):
		return s, badMethod
	case string(line[:method]) == "CONNECT":
		return s, isConnect
	case len(version) != len("HTTP/1.1") || string(version[:5]) != "HTTP/" || !isDigit(version[5]) || version[6] != '.' || !isDigit(version[7]):
		return s, badRequestLine
	case string(version[5:]) != "1.1":
		return s, badVersion
	case target[0] != '/' || !chars.All(target, &chars.Target):
		return s, badTarget
	}
	return span{nameEnd: method, value: method + 1, valueEnd: end}, nil
}

func (r *Request) view(b []byte) {
	first := r.head.first.field(b)
	r.Method, r.Target = first.Name, first.Value
	r.Path, r.Query = r.Target, nil
	if i := bytes.IndexByte(r.Target, '?'); i >= 0 {
		r.Path, r.Query = r.Target[:i], r.Target[i+1:]
	}
	r.Fields = r.head.view(r.Fields, b)
}

// check applies the rules on fields that every request has to keep: one Host (RFC 9112 section 3.2) and a body whose
// end nobody can see elsewhere.
func (r *Request) check(lim Limits) *Refusal {
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
			said.length = f.Value
			said.lengths++
		}
	}
	switch {
	case hosts == 0:
		return noHost
	case hosts > 1:
		return twoHosts
	case !validHost(r.Host):
		return badHost
	case options(r.Fields) > lim.Fields:
		return refusalOf[tooManyFields]
	}
	return r.Body.read(&said)
}

// validHost checks uri-host [ ":" port ] (RFC 9110 section 7.2).
func validHost(h []byte) bool {
	name := h
	if i := bytes.LastIndexByte(h, ':'); i > bytes.LastIndexByte(h, ']') {
		if name = h[:i]; !validPort(h[i+1:]) {
			return false
		}
	}
	if len(name) < 2 || name[0] != '[' {
		return validName(name)
	}
	ip, err := netip.ParseAddr(string(name[1 : len(name)-1]))
	return err == nil && name[len(name)-1] == ']' && ip.Is6() && ip.Zone() == ""
}

// maxName is the longest host name there is, with the root's dot (RFC 1035 section 2.3.4).
const maxName = 254

// validName checks labels with dots between and perhaps one behind, none of them empty. What is left of "a..example.com"
// or of one that is too long would have other rules in one place than in another.
func validName(name []byte) bool {
	return len(name) > 0 && len(name) <= maxName && name[0] != '.' && !bytes.Contains(name, emptyLabel) && chars.All(name, &isHost)
}

var emptyLabel = []byte("..")

func validPort(p []byte) bool {
	_, err := strconv.ParseUint(string(p), 10, 16)
	return err == nil
}

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
