package origin

import (
	"bytes"

	"weir/codec/http1"
)

// parts are those of an origin. The slices are lent by the request.
type parts struct {
	scheme, host []byte // as sent; host of IPv6 with its brackets
	port         int    // the scheme's own where none is written, 0 if it has none
}

// parse reads scheme "://" host [ ":" port ] and nothing more (RFC 6454 section 7.1), so that no user, path, second
// origin or control byte hides in what is compared.
func parse(b []byte) (p parts, ok bool) {
	i := bytes.Index(b, []byte("://"))
	if i <= 0 || !all(b[:i], isScheme) {
		return p, false
	}
	p.scheme = pageScheme(b[:i])
	p.host, p.port, ok = splitPort(b[i+len("://"):], defaultPort(p.scheme))
	return p, ok
}

// pageScheme is the scheme of the page where a library gives that of the WebSocket itself, as no browser does.
func pageScheme(scheme []byte) []byte {
	switch {
	case http1.Same(scheme, "wss"):
		return schemeHTTPS
	case http1.Same(scheme, "ws"):
		return schemeHTTP
	}
	return scheme
}

var schemeHTTP, schemeHTTPS = []byte("http"), []byte("https")

func defaultPort(scheme []byte) int {
	switch {
	case http1.Same(scheme, "https"):
		return 443
	case http1.Same(scheme, "http"):
		return 80
	}
	return 0
}

// splitPort reads host [ ":" port ].
func splitPort(b []byte, port int) (host []byte, _ int, ok bool) {
	host = b
	if end := bytes.IndexByte(b, ']'); len(b) > 0 && b[0] == '[' {
		if host = b[:end+1]; end < len("[::") || !all(host[1:end], isIPv6) {
			return nil, 0, false
		}
	} else {
		if i := bytes.IndexByte(b, ':'); i >= 0 {
			host = b[:i]
		}
		if !isName(host) {
			return nil, 0, false
		}
	}
	if rest := b[len(host):]; len(rest) > 0 {
		port, ok = parsePort(rest)
		return host, port, ok
	}
	return host, port, true
}

// parsePort reads ":" and 1 to 65535 without leading zeros, as browsers write it.
func parsePort(b []byte) (port int, ok bool) {
	digits := b[1:]
	if b[0] != ':' || len(digits) == 0 || len(digits) > len("65535") || digits[0] == '0' {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		port = port*10 + int(c-'0')
	}
	return port, port <= 65535
}

// isAt tells whether the origin is that of the server addressed by a Host field.
func (p *parts) isAt(host []byte, tls bool) bool {
	scheme, port := "http", 80
	if tls {
		scheme, port = "https", 443
	}
	name, port, ok := splitPort(host, port)
	return ok && http1.Same(p.scheme, scheme) && p.port == port && bytes.EqualFold(p.host, name)
}

// isName tells whether b is labels with dots between, none empty.
func isName(b []byte) bool {
	last := byte('.')
	for _, c := range b {
		if c == '.' && last == '.' || c != '.' && c != '_' && c != '-' && !isAlphanumeric(c) {
			return false
		}
		last = c
	}
	return last != '.'
}

// RFC 3986 section 3.1, but for the first character.
func isScheme(c byte) bool { return isAlphanumeric(c) || c == '-' || c == '.' || c == '+' }

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func isIPv6(c byte) bool {
	return 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' || '0' <= c && c <= '9' || c == ':' || c == '.'
}

func all(b []byte, is func(byte) bool) bool {
	for _, c := range b {
		if !is(c) {
			return false
		}
	}
	return true
}
