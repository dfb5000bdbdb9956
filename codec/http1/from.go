package http1

import (
	"net/netip"

	"weir/codec/internal/chars"
)

// From is who asks, as far as it can be believed.
type From struct {
	Addr     netip.Addr   // the client; the zero Addr if unknown, as behind a unix socket
	Hops     []netip.Addr // the trusted proxies between it and us, the nearest last
	TLS      bool         // how the client spoke to the first of these, or to us
	Host     []byte       // which host it asked the first of these for; nil: the request's own
	Identity string       // what a verified client certificate says; "": there is none

	// RequestID is the X-Request-Id that a trusted peer sent, a view of the request; "": none that can be believed. Forward
	// tells the backend this one, and nobody else's.
	RequestID string
}

// appendTo tells the backend who asks. The values replace what the client sent: whatever of it may be believed is
// in from.
func (from *From) appendTo(dst []Field, scratch, host []byte, standard bool) ([]Field, []byte) {
	if from.Host != nil {
		host = from.Host
	}
	if from.Addr.IsValid() {
		at := len(scratch)
		scratch = appendAddr(scratch, from.Addr)
		client := len(scratch)
		for _, hop := range from.Hops {
			scratch = appendAddr(append(scratch, ", "...), hop)
		}
		dst = append(dst, Field{forwardedFor, view(scratch, at, len(scratch))}, Field{realIP, view(scratch, at, client)})
	}
	proto := plain
	if from.TLS {
		proto = secure
	}
	dst = append(dst, Field{forwardedProto, proto})
	if len(host) > 0 {
		dst = append(dst, Field{forwardedHost, host})
	}
	if standard {
		at := len(scratch)
		scratch = from.appendStandard(scratch, proto, host)
		dst = append(dst, Field{forwarded, view(scratch, at, len(scratch))})
	}
	return dst, scratch
}

// appendStandard writes a Forwarded field's value (RFC 7239 section 4): what the first proxy saw, then the hops.
func (from *From) appendStandard(dst, proto, host []byte) []byte {
	dst = append(appendNode(dst, from.Addr), ";proto="...)
	dst = append(dst, proto...)
	if len(host) > 0 {
		dst = appendQuoted(append(dst, ";host="...), host)
	}
	for _, hop := range from.Hops {
		dst = appendNode(append(dst, ", "...), hop)
	}
	return dst
}

// maxRequestID is how long an X-Request-Id may be.
const maxRequestID = 128

// requestID takes what identifies a request: visible ASCII, and not endless. All else is none.
func requestID(b []byte) string {
	if len(b) == 0 || len(b) > maxRequestID {
		return ""
	}
	for _, c := range b {
		if c <= ' ' || c > '~' {
			return ""
		}
	}
	return textOf(b)
}

// appendIdentity adds what a certificate says unless a header cannot say it as it is: to leave it out is to let nobody in.
func (from *From) appendIdentity(dst []Field, name string) []Field {
	value := bytesOf(from.Identity)
	if len(value) == 0 || control(value) < len(value) || len(trim(value)) < len(value) {
		return dst
	}
	return append(dst, Field{bytesOf(name), value})
}

// appendNode writes for=, with IPv6 as a quoted string in brackets (RFC 7239 section 6).
func appendNode(dst []byte, a netip.Addr) []byte {
	switch a = bare(a); {
	case a.Is4():
		return a.AppendTo(append(dst, "for="...))
	case a.Is6():
		return append(a.AppendTo(append(dst, `for="[`...)), `]"`...)
	}
	return append(dst, "for=unknown"...)
}

// appendQuoted writes a token, or a quoted string of what is none (RFC 9110 section 5.6.4).
func appendQuoted(dst, value []byte) []byte {
	if len(value) > 0 && chars.All(value, &isToken) {
		return append(dst, value...)
	}
	dst = append(dst, '"')
	for _, c := range value {
		if c == '"' || c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

func appendAddr(dst []byte, a netip.Addr) []byte { return bare(a).AppendTo(dst) }

// bare is the one form in which an address is compared and told: a zone means something on one machine alone.
func bare(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// view cannot be grown into what is appended behind it.
func view(b []byte, from, to int) []byte { return b[from:to:to] }

var (
	forwarded      = []byte("Forwarded")
	forwardedFor   = []byte("X-Forwarded-For")
	forwardedProto = []byte("X-Forwarded-Proto")
	forwardedHost  = []byte("X-Forwarded-Host")
	realIP         = []byte("X-Real-IP")
	requestIDField = []byte("X-Request-Id")
	plain          = []byte("http")
	secure         = []byte("https")
)
