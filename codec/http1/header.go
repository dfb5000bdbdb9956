package http1

import (
	"net/http"
	"net/netip"
)

// OriginHeader is [Request.Origin] for a request that net/http parsed.
func OriginHeader(h http.Header, peer netip.Addr, tls bool, trusted func(netip.Addr) bool) From {
	var fields []Field
	if trusted(bare(peer)) {
		for _, name := range [...]string{"X-Forwarded-For", "Forwarded", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Request-Id"} {
			fields = appendValues(fields, name, h[name])
		}
	}
	return origin(fields, peer, tls, trusted, nil)
}

// ForwardHeader is [Rules.Forward] for a request that net/http parsed: h, as it came, becomes what the backend gets.
// That has no Content-Length, Transfer-Encoding, TE or Trailer, as net/http writes these itself. host is the request's.
// The names that we write in another way than net/http are added to sp.
func (ru *Rules) ForwardHeader(h http.Header, host string, from From, sp *Spelling) (outHost string) {
	r := Request{Host: bytesOf(host), Fields: fieldsOf(h)}
	const ours = 7 // that we may add, besides rules
	fields, out, _ := ru.Forward(make([]Field, 0, len(r.Fields)+ours+len(ru.Request)), nil, &r, from)
	refill(h, fields, sp)
	return textOf(out)
}

// AnswerHeader is [Rules.Answer] for an answer that is no upgrade and that net/http parsed: h becomes what the client gets.
func (ru *Rules) AnswerHeader(h http.Header, sp *Spelling) {
	fields := fieldsOf(h)
	refill(h, ru.Answer(make([]Field, 0, len(fields)+len(ru.Response)), fields, 0), sp)
}

func fieldsOf(h http.Header) []Field {
	fields := make([]Field, 0, len(h)+4)
	for name, values := range h {
		fields = appendValues(fields, name, values)
	}
	return fields
}

func appendValues(dst []Field, name string, values []string) []Field {
	for _, v := range values {
		dst = append(dst, Field{bytesOf(name), bytesOf(v)})
	}
	return dst
}

// refill makes h hold fields and nothing else. Its strings are views: nobody writes to the bytes of a field.
func refill(h http.Header, fields []Field, sp *Spelling) {
	clear(h)
	room := make([]string, len(fields))
	for i, f := range fields {
		name := sp.Note(textOf(f.Name))
		room[i] = textOf(f.Value)
		if values, more := h[name]; more {
			h[name] = append(values, room[i])
		} else {
			h[name] = room[i : i+1 : i+1]
		}
	}
}
