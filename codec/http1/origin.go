package http1

import (
	"bytes"
	"net/netip"
	"slices"
)

// maxHops bounds the proxies that a request may have come through.
const maxHops = 32

// Origin tells who asks. Only a trusted peer's word counts: X-Forwarded-For is then walked from the right for as long
// as what it names is trusted too, and the first address that is not is the client; if all are, the leftmost. What is
// no address ends the walk at what was reached. X-Forwarded-Proto and -Host count if there is one of each and it is
// sound, and X-Request-Id likewise. Where there is no X-Forwarded-For, Forwarded (RFC 7239) is read in the same way, the scheme and the host too.
//
// An invalid peer stands for a unix socket. hops is room for From.Hops and may be nil; without trust it is not needed
// and nothing is allocated. From.Host is a view of the request.
func (r *Request) Origin(peer netip.Addr, tls bool, trusted func(netip.Addr) bool, hops []netip.Addr) From {
	return origin(r.Fields, peer, tls, trusted, hops)
}

func origin(fields []Field, peer netip.Addr, tls bool, trusted func(netip.Addr) bool, hops []netip.Addr) From {
	from := From{Addr: bare(peer), TLS: tls}
	believe := trusted(from.Addr)
	if !believe {
		return from
	}
	from.RequestID = requestID(lone(fields, "x-request-id"))
	_, lists := only(fields, "x-forwarded-for")
	_, elements := only(fields, "forwarded")
	standard := lists == 0 && elements > 0
	walk := trail{fields: fields, name: "x-forwarded-for"}
	if standard {
		walk.name = "forwarded"
	}
	var client []byte // the element that tells of from.Addr
	from.Hops = hops[:0]
	for believe && len(from.Hops) < maxHops {
		element := walk.next()
		node := element
		if standard {
			node = parameter(element, "for")
		}
		addr, ok := parseNode(node)
		if !ok {
			break
		}
		if from.Addr.IsValid() {
			from.Hops = append(from.Hops, from.Addr)
		}
		from.Addr, client = addr, element
		believe = trusted(addr)
	}
	slices.Reverse(from.Hops)
	if standard {
		from.saw(parameter(client, "proto"), parameter(client, "host"))
	} else {
		from.saw(lone(fields, "x-forwarded-proto"), lone(fields, "x-forwarded-host"))
	}
	return from
}

// saw takes what the first trusted proxy tells of the request as it came there. Some name WebSocket's own schemes.
func (from *From) saw(proto, host []byte) {
	switch {
	case is(proto, "https"), is(proto, "wss"):
		from.TLS = true
	case is(proto, "http"), is(proto, "ws"):
		from.TLS = false
	}
	if validHost(host) {
		from.Host = host
	}
}

// lone is the value of the field called name if it came once.
func lone(fields []Field, name string) []byte {
	v, n := only(fields, name)
	if n != 1 {
		return nil
	}
	return v
}

// trail walks a list over all fields of a name from its end, where each proxy adds what it saw: nothing that stands
// further left, from whomever, changes how an element is read.
type trail struct {
	fields []Field // not begun yet
	name   string
	rest   []byte // of the field under way
}

// next is the element before the last one given, nil if there is none. Empty ones are passed over (RFC 9110 section 5.6.1).
func (t *trail) next() (element []byte) {
	for len(element) == 0 {
		for len(t.rest) == 0 {
			last := len(t.fields) - 1
			if last < 0 {
				return nil
			}
			if is(t.fields[last].Name, t.name) {
				t.rest = t.fields[last].Value
			}
			t.fields = t.fields[:last]
		}
		t.rest, element = cutLast(t.rest)
	}
	return element
}

// cutLast splits off the last element of a comma list. Commas inside quotes do not count. Quotes that are escaped or
// do not pair could join two elements; parameter refuses what may have come of that.
func cutLast(list []byte) (rest, element []byte) {
	quoted := false
	for i := len(list) - 1; i >= 0; i-- {
		switch {
		case list[i] == '"':
			quoted = !quoted
		case list[i] == ',' && !quoted:
			return list[:i], trim(list[i+1:])
		}
	}
	return nil, trim(list)
}

// parameter is the value of name=value in an element of Forwarded, without its quotes (RFC 7239 section 4); nil if
// there is none, or if the element holds an escape or a comma, for which addresses, schemes and hosts have no use.
func parameter(element []byte, name string) []byte {
	if bytes.ContainsAny(element, `\,`) {
		return nil
	}
	for len(element) > 0 {
		var pair []byte
		pair, element = cut(element, ';')
		key, value, _ := bytes.Cut(pair, []byte{'='})
		if !is(key, name) {
			continue
		}
		if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
			value = value[1 : n-1]
		}
		return value
	}
	return nil
}

// parseNode reads an address with or without a port, IPv6 with or without brackets (RFC 7239 section 6, and what
// proxies write into X-Forwarded-For).
func parseNode(b []byte) (addr netip.Addr, ok bool) {
	if first := bytes.IndexByte(b, ':'); len(b) > 0 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 0 || end+1 < len(b) && (b[end+1] != ':' || !validPort(b[end+2:])) {
			return addr, false
		}
		b = b[1:end]
	} else if first >= 0 && first == bytes.LastIndexByte(b, ':') {
		if !validPort(b[first+1:]) {
			return addr, false
		}
		b = b[:first]
	}
	addr, err := netip.ParseAddr(textOf(b))
	return addr.Unmap(), err == nil && addr.Zone() == ""
}
