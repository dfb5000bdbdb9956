package http1

import (
	"bytes"
	"net/netip"
	"strconv"

	"weir/codec/internal/chars"
)

// requestLine splits method SP target SP version (RFC 9112 section 3). Of the span, which counts from the first byte of
// the head, the name is the method and the value the target.
func (r *Request) requestLine(line []byte, from int, lim Limits) *Refusal {
	method := bytes.IndexByte(line, ' ')
	end := bytes.LastIndexByte(line, ' ')
	if method <= 0 || end <= method+1 {
		return badRequestLine
	}
	version := line[end+1:]
	switch {
	case !chars.All(line[:method], &isToken):
		return badMethod
	case string(line[:method]) == "CONNECT":
		return isConnect
	case len(version) != len("HTTP/1.1") || string(version[:5]) != "HTTP/" || !isDigit(version[5]) || version[6] != '.' || !isDigit(version[7]):
		return badRequestLine
	case string(version[5:]) != "1.1" && string(version[5:]) != "1.0":
		return badVersion
	}
	t := parseTarget(line[method+1 : end])
	switch {
	case t.origin == nil || !chars.All(line[method+1:end], &chars.Target):
		return badTarget
	case lim.Path > 0 && t.pathLen() > lim.Path:
		return pathTooLong
	}
	r.minor = version[7] - '0'
	r.head.first = span{from, from + method, from + method + 1, from + end}
	return nil
}

// target is a request target in origin-form or absolute-form (RFC 9112 section 3.2).
type target struct {
	host   []byte // nil: origin-form
	origin []byte // nil: another form, or none
}

// parseTarget makes origin-form of the target. It does not look at what host and origin hold.
func parseTarget(b []byte) target {
	if b[0] == '/' {
		return target{origin: b}
	}
	scheme, rest, ok := bytes.Cut(b, []byte("://"))
	if !ok || !isAny(scheme, "http", "https", "ws", "wss") {
		return target{}
	}
	end := bytes.IndexAny(rest, "/?")
	switch {
	case end < 0:
		return target{host: rest, origin: root}
	case rest[end] == '?': // the path is empty
		return target{host: rest[:end], origin: append(root[:1:1], rest[end:]...)}
	}
	return target{host: rest[:end], origin: rest[end:]}
}

var root = []byte("/")

func isAny(b []byte, names ...string) bool {
	for _, n := range names {
		if is(b, n) {
			return true
		}
	}
	return false
}

// pathLen is the length of the path, without the query.
func (t target) pathLen() int {
	if i := bytes.IndexByte(t.origin, '?'); i >= 0 {
		return i
	}
	return len(t.origin)
}

// validHost checks uri-host [ ":" port ] (RFC 9110 section 7.2). The port may be empty (RFC 3986 section 3.2.3).
func validHost(h []byte) bool {
	name := h
	if i := bytes.LastIndexByte(h, ':'); i > bytes.LastIndexByte(h, ']') {
		if name = h[:i]; i+1 < len(h) && !validPort(h[i+1:]) {
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
