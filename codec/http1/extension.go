package http1

// KeepExtensions is the value of a Sec-WebSocket-Extensions field (RFC 6455 section 9.1) less the elements whose extension
// is not kept: value itself if all are, nil if none is.
func KeepExtensions(value []byte, keep func(name []byte) bool) []byte {
	all := true
	for list := value; len(list) > 0; {
		var element []byte
		element, list = cut(list, ',')
		name, _ := cut(element, ';')
		all = all && (len(element) == 0 || keep(name))
	}
	if all {
		return value
	}
	var kept []byte
	for list := value; len(list) > 0; {
		var element []byte
		element, list = cut(list, ',')
		if name, _ := cut(element, ';'); len(element) == 0 || !keep(name) {
			continue
		}
		if len(kept) > 0 {
			kept = append(kept, ", "...)
		}
		kept = append(kept, element...)
	}
	return kept
}

// Extensions tells whether permessage-deflate was agreed on (RFC 7692 section 5), and whether any other extension was.
func (r *Response) Extensions() (deflate, others bool) {
	for _, f := range r.Fields {
		if !is(f.Name, "sec-websocket-extensions") {
			continue
		}
		for list := f.Value; len(list) > 0; {
			var element []byte
			element, list = cut(list, ',')
			switch name, _ := cut(element, ';'); {
			case len(name) == 0:
			case is(name, "permessage-deflate"):
				deflate = true
			default:
				others = true
			}
		}
	}
	return deflate, others
}
