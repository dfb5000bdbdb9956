package http1

import (
	"bytes"

	"weir/codec"
)

// Response is the head of a backend's answer. The zero value is ready for Parse.
type Response struct {
	// Set once Parse has given n > 0; the slices are views into the bytes that were parsed.
	Status int
	Reason []byte // the phrase behind the status, often empty
	Fields []Field

	minor byte // of HTTP/1.x
	head  head
}

// Reset makes r ready for a new head. The room for fields is kept.
func (r *Response) Reset() {
	fields := r.Fields[:0]
	r.head.reset()
	*r = Response{Fields: fields, head: r.head}
}

// Parse works as Request.Parse does. An answer of 1xx other than 101 is not the last one: the caller drops b[:n],
// resets and parses on.
func (r *Response) Parse(b []byte, lim Limits) (n int, err *codec.ProtocolError) {
	if r.head.start == 0 {
		if len(b) > 0 && b[0] != 'H' {
			return 0, badStatusLine
		}
		line, ok, f := r.head.line(b, lim)
		if !ok {
			return 0, faultOf[f]
		}
		if !r.statusLine(line) {
			return 0, badStatusLine
		}
	}
	n, f := r.head.fields(b, lim)
	if n == 0 {
		return 0, faultOf[f]
	}
	r.Reason = r.head.first.field(b).Value
	r.Fields = r.head.view(r.Fields, b)
	if options(r.Fields) > lim.Fields {
		return 0, faultOf[tooManyFields]
	}
	return n, nil
}

// statusLine reads version SP status [SP reason] (RFC 9112 section 4). Some servers leave out the second space with
// the phrase, and nothing hangs on it.
func (r *Response) statusLine(line []byte) bool {
	const fixed = len("HTTP/1.1 200")
	if len(line) < fixed || string(line[:7]) != "HTTP/1." || line[8] != ' ' {
		return false
	}
	minor, status := line[7], line[9:fixed]
	if minor != '0' && minor != '1' || status[0] < '1' || status[0] > '5' || !isDigit(status[1]) || !isDigit(status[2]) {
		return false
	}
	r.minor = minor - '0'
	r.Status = int(status[0]-'0')*100 + int(status[1]-'0')*10 + int(status[2]-'0')
	reason := fixed
	if len(line) > fixed {
		if line[fixed] != ' ' {
			return false
		}
		reason++
	}
	r.head.first = span{value: reason, valueEnd: len(line)}
	return true
}

// CheckSwitch tells whether the answer is the 101 which the key behind accept asked for (RFC 6455 section 4.1). That
// it agrees to no more than the client offered is left to the client, who must check it anyway.
func (r *Response) CheckSwitch(accept []byte) *codec.ProtocolError {
	upgrade, upgrades := only(r.Fields, "upgrade")
	answer, answers := only(r.Fields, "sec-websocket-accept")
	switch {
	case r.Status != 101 || r.minor != 1:
		return notSwitching
	case upgrades != 1 || !is(upgrade, "websocket") || !listed(r.Fields, "connection", "upgrade"):
		return wrongUpgrade
	case answers != 1 || !bytes.Equal(answer, accept):
		return wrongAccept
	}
	return nil
}
