package http1

import (
	"bytes"
	"strconv"
)

// Framing tells how the body of a request is delimited (RFC 9112 section 6.3). The zero value: there is none.
type Framing struct {
	Length  uint64 // bytes, from Content-Length; at most 2^63-1
	Chunked bool   // Transfer-Encoding: chunked, and no Length
}

// None tells that nothing belongs to the request behind its head.
func (f Framing) None() bool { return f == Framing{} }

// lengthFields are what a head says about its body.
type lengthFields struct {
	coding           []byte // the last one
	codings, lengths int
	length           uint64 // what all lengths say, unless they are bad or differ
	bad, differ      bool
}

// add takes the value of a Content-Length field. One that says the same again, in a field or in a list, says nothing new
// (RFC 9110 section 8.6).
func (l *lengthFields) add(value []byte) {
	for more := true; more; l.lengths++ {
		var item []byte
		item, value, more = bytes.Cut(value, []byte{','})
		length, ok := decimal(trim(item))
		l.bad = l.bad || !ok
		l.differ = l.differ || l.lengths > 0 && length != l.length
		l.length = length
	}
}

func lengthsOf(fields []Field) (said lengthFields) {
	for i := range fields {
		if is(fields[i].Name, "content-length") {
			said.add(fields[i].Value)
		}
	}
	return said
}

// firstLength is the first element of a Content-Length field, of which all say the same.
func firstLength(value []byte) []byte {
	first, _, _ := bytes.Cut(value, []byte{','})
	return trim(first)
}

// OneLength is what values of Content-Length say that came otherwise than in HTTP/1.1, if that is one number.
func OneLength(values []string) (length string, ok bool) {
	var said lengthFields
	for _, v := range values {
		said.add([]byte(v))
	}
	return strconv.FormatUint(said.length, 10), said.lengths > 0 && !said.bad && !said.differ
}

// OneLength makes each list of lengths the first of them, where all say the same, in the bytes that were parsed. It is for
// a reader behind us that takes no list.
func (r *Response) OneLength() {
	said := lengthsOf(r.Fields)
	if said.lengths < 2 || said.bad || said.differ {
		return
	}
	for i := range r.Fields {
		if f := &r.Fields[i]; is(f.Name, "content-length") {
			for j := bytes.IndexByte(f.Value, ','); j >= 0 && j < len(f.Value); j++ {
				f.Value[j] = ' '
			}
		}
	}
}

// read accepts what every parser reads in the same way and no more: the bytes may be parsed once again behind us, and
// whoever finds another end of the body finds another request in it.
func (f *Framing) read(said *lengthFields) *Refusal {
	switch {
	case said.lengths == 0 && said.codings == 0:
	case said.lengths > 0 && said.codings > 0:
		return lengthAndCoding
	case said.codings > 1 || said.codings == 1 && !is(said.coding, "chunked"):
		return badTransferCoding
	case said.codings == 1:
		f.Chunked = true
	case said.bad:
		return badContentLength
	case said.differ:
		return twoLengths
	default:
		f.Length = said.length
	}
	return nil
}
