package http1

// Framing tells how the body of a request is delimited (RFC 9112 section 6.3). The zero value: there is none.
type Framing struct {
	Length  uint64 // bytes, from Content-Length; at most 2^63-1
	Chunked bool   // Transfer-Encoding: chunked, and no Length
}

// None tells that nothing belongs to the request behind its head.
func (f Framing) None() bool { return f == Framing{} }

// lengthFields are what a head says about its body.
type lengthFields struct {
	length, coding   []byte // of the last of each
	lengths, codings int
}

// read accepts what every parser reads in the same way and no more: the bytes may be parsed once again behind us, and
// whoever finds another end of the body finds another request in it.
func (f *Framing) read(said *lengthFields) *Refusal {
	switch {
	case said.lengths == 0 && said.codings == 0:
	case said.lengths > 1:
		return twoLengths
	case said.lengths > 0 && said.codings > 0:
		return lengthAndCoding
	case said.codings > 1 || said.codings == 1 && !is(said.coding, "chunked"):
		return badTransferCoding
	case said.codings == 1:
		f.Chunked = true
	default:
		length, ok := decimal(said.length)
		if !ok {
			return badContentLength
		}
		f.Length = length
	}
	return nil
}
