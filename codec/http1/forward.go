package http1

import "net/netip"

// Rules say how the fields of a handshake are passed on. Immutable and shared by all handshakes.
type Rules struct {
	Request, Response []Rule
	Host              string // sent to the backend in the client's place; "" keeps the client's
	Forwarded         bool   // X-Forwarded-For, -Proto, -Host and X-Real-IP are set, and the client's word on these dropped
}

// From is who asks: the address that the client's socket shows, and whether it spoke TLS.
type From struct {
	Addr netip.Addr
	TLS  bool
}

// Forward appends to dst the fields to send to a backend with a parsed request: the client's, less the hop-by-hop
// ones (RFC 9110 section 7.6.1) and those that AppendUpgrade writes; then ours. The one value it has to build, the
// client's address, is appended to scratch; fields point into scratchOut. host is for AppendUpgrade.
func (ru *Rules) Forward(dst []Field, scratch []byte, r *Request, from From) (fields []Field, host, scratchOut []byte) {
	base := len(dst)
	for _, f := range r.Fields {
		if !notSentUp.has(f.Name) && !(ru.Forwarded && provenance(f.Name)) {
			dst = append(dst, f)
		}
	}
	dst = dropListed(dst, base, r.Fields)
	if ru.Forwarded {
		dst, scratch = appendFrom(dst, scratch, r.Host, from)
	}
	host = r.Host
	if ru.Host != "" {
		host = bytesOf(ru.Host)
	}
	for _, rule := range ru.Request {
		if is(bytesOf(rule.Name), "host") {
			host = bytesOf(rule.Value)
			continue
		}
		dst = rule.apply(dst, base)
	}
	return dst, host, scratch
}

// Answer appends to dst those fields of a backend's answer that the client gets. Where there was no upgrade the
// body passes as it comes, and so do the fields that frame it.
func (ru *Rules) Answer(dst, fields []Field, upgraded bool) []Field {
	base := len(dst)
	for _, f := range fields {
		if !notSentDown.has(f.Name) {
			dst = append(dst, f)
		}
	}
	dst = dropListed(dst, base, fields)
	for _, rule := range ru.Response {
		dst = rule.apply(dst, base)
	}
	if upgraded {
		return dst
	}
	for _, f := range fields {
		if framing.has(f.Name) {
			dst = append(dst, f)
		}
	}
	return dst
}

func (r Rule) apply(dst []Field, base int) []Field {
	if r.Op != Add {
		dst = drop(dst, base, bytesOf(r.Name))
	}
	if r.Op != Remove {
		dst = append(dst, r.field())
	}
	return dst
}

// drop removes from dst[base:] all fields that a reader may take for the name.
func drop(dst []Field, base int, name []byte) []Field {
	kept := dst[:base]
	for _, f := range dst[base:] {
		if !same(f.Name, name, &alike) {
			kept = append(kept, f)
		}
	}
	return kept
}

// dropListed removes what the sender's Connection fields name. It runs before ours are added, so a client cannot
// take these away.
func dropListed(dst []Field, base int, sent []Field) []Field {
	for _, f := range sent {
		if !is(f.Name, "connection") {
			continue
		}
		for list := f.Value; len(list) > 0; {
			var option []byte
			if option, list = cut(list, ','); len(option) > 0 && !is(option, "upgrade") {
				dst = drop(dst, base, option)
			}
		}
	}
	return dst
}

// appendFrom tells the backend who asks. The values replace what the client sent: from whoever opened the socket,
// a list of earlier hops is a claim and no more.
func appendFrom(dst []Field, scratch, host []byte, from From) ([]Field, []byte) {
	if from.Addr.IsValid() {
		at := len(scratch)
		scratch = from.Addr.Unmap().WithZone("").AppendTo(scratch)
		addr := scratch[at:len(scratch):len(scratch)]
		dst = append(dst, Field{forwardedFor, addr}, Field{realIP, addr})
	}
	proto := plain
	if from.TLS {
		proto = secure
	}
	return append(dst, Field{forwardedProto, proto}, Field{forwardedHost, host}), scratch
}

var (
	forwardedFor   = []byte("X-Forwarded-For")
	forwardedProto = []byte("X-Forwarded-Proto")
	forwardedHost  = []byte("X-Forwarded-Host")
	realIP         = []byte("X-Real-IP")
	plain          = []byte("http")
	secure         = []byte("https")
)
