package http1

import "weir/codec"

// Upgrades to other protocols than WebSocket (RFC 9110 section 7.8), whose bytes are passed on unread.

// AsksFor is that of names which a parsed request would upgrade to first; "": none. HTTP/1.0 has no upgrades.
func (r *Request) AsksFor(names []string) string {
	if len(names) == 0 || r.minor == 0 || !listed(r.Fields, "connection", "upgrade") {
		return ""
	}
	for _, f := range r.Fields {
		if !is(f.Name, "upgrade") {
			continue
		}
		for list := f.Value; len(list) > 0; {
			var item []byte
			item, list = cut(list, ',')
			for _, name := range names {
				if is(item, name) {
					return name
				}
			}
		}
	}
	return ""
}

// CheckOther tells whether a request with such an upgrade may be passed on. Like a WebSocket handshake it has no body: what is
// left unread of one would be taken for the other protocol.
func (r *Request) CheckOther() *Refusal {
	switch {
	case r.Body.Chunked:
		return hasCoding
	case !r.Body.None():
		return hasBody
	}
	return nil
}

// AppendOther adds the request that asks a backend for another protocol. Its arguments come from a parsed Request and from
// Forward.
func AppendOther(dst, method, target, host []byte, protocol string, fields []Field) []byte {
	dst = append(append(dst, method...), ' ')
	dst = append(append(dst, target...), " HTTP/1.1\r\nHost: "...)
	dst = append(append(dst, host...), "\r\n"...)
	dst = appendProtocol(dst, protocol)
	switch string(method) {
	case "POST", "PUT", "PATCH":
		dst = append(dst, "Content-Length: 0\r\n"...) // RFC 9110 section 8.6
	}
	return append(appendFields(dst, fields), "\r\n"...)
}

// AppendOtherSwitching adds the 101 that makes a client's connection one of the protocol.
func AppendOtherSwitching(dst []byte, protocol string, fields []Field) []byte {
	dst = appendProtocol(append(dst, "HTTP/1.1 101 Switching Protocols\r\n"...), protocol)
	return append(appendFields(dst, fields), "\r\n"...)
}

func appendProtocol(dst []byte, protocol string) []byte {
	dst = append(append(dst, "Upgrade: "...), protocol...)
	return append(dst, "\r\nConnection: Upgrade\r\n"...)
}

// CheckOtherSwitch tells whether the answer is the 101 to the protocol that was asked for.
func (r *Response) CheckOtherSwitch(protocol string) *codec.ProtocolError {
	upgrade, upgrades := only(r.Fields, "upgrade")
	switch {
	case r.Status != 101 || r.minor != 1:
		return notSwitching
	case upgrades != 1 || !is(upgrade, protocol) || !listed(r.Fields, "connection", "upgrade"):
		return wrongProtocol
	}
	return nil
}
