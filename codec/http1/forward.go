package http1

// Rules say how the fields of a request and of its answer are passed on. Immutable and shared by all requests.
type Rules struct {
	Request, Response []Rule
	Host              string // sent to the backend in the client's place; "" keeps the client's
	Forwarded         bool   // X-Forwarded-For, -Proto, -Host and X-Real-IP are set, and the client's word on these dropped
	Standard          bool   // where Forwarded is, the field of that name (RFC 7239) is set as well
	Identity          string // name of the field that tells a verified client's identity; the client's own is dropped; "": none
}

// Forward appends to dst the fields to send to a backend with a parsed request: the client's, less the hop-by-hop
// ones (RFC 9110 section 7.6.1) and those that AppendUpgrade writes; then ours. The values that it has to build, on
// who asks, are appended to scratch; fields point into scratchOut. host is for AppendUpgrade.
func (ru *Rules) Forward(dst []Field, scratch []byte, r *Request, from From) (fields []Field, host, scratchOut []byte) {
	base := len(dst)
	for _, f := range r.Fields {
		if !notSentUp.has(f.Name) && !(ru.Forwarded && provenance(f.Name)) {
			dst = append(dst, f)
		}
	}
	dst = dropListed(dst, base, r.Fields)
	if ru.Forwarded {
		dst, scratch = from.appendTo(dst, scratch, r.Host, ru.Standard)
	}
	if from.RequestID != "" {
		dst = append(drop(dst, base, requestIDField), Field{requestIDField, bytesOf(from.RequestID)})
	}
	if ru.Identity != "" {
		dst = from.appendIdentity(drop(dst, base, bytesOf(ru.Identity)), ru.Identity)
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
// body passes as it comes, and so do the fields that frame it. A 426 says what to upgrade to (RFC 9110 section 15.5.22).
func (ru *Rules) Answer(dst, fields []Field, status int) []Field {
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
	if status == 101 {
		return dst
	}
	lengths := 0
	for _, f := range fields {
		switch {
		case is(f.Name, "content-length"):
			if lengths++; lengths == 1 { // all say the same
				dst = append(dst, Field{f.Name, firstLength(f.Value)})
			}
		case framing.has(f.Name), status == 426 && is(f.Name, "upgrade"):
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
