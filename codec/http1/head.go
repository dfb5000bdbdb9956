package http1

import (
	"encoding/binary"
	"math/bits"

	"weir/codec/internal/chars"
)

// Field is one header field. Name and Value are views, without the white space around them.
type Field struct{ Name, Value []byte }

// Limits bound a head. Head and Fields have to be set: a zero lets nothing pass.
type Limits struct {
	Head   int // bytes, with the empty line that ends it
	Fields int // number of fields, and of options in Connection, as each of these names a field
	Path   int // bytes of a request's path, without the query; 0: no more than Head allows
}

// fault is a broken rule of the grammar that requests and responses share. Each has its own answer to it.
type fault uint8

const (
	none fault = iota
	bareLF
	bareCR
	controlByte
	obsFold
	spaceBeforeColon
	badName
	headTooLarge
	tooManyFields
	faults
)

// head is the part of a parse that outlives one call. Offsets count from the first byte of the head.
type head struct {
	start int    // where the line under way begins
	seen  int    // bytes looked at; start <= seen
	first span   // the two parts of the first line that vary
	spans []span // the fields of whole lines
}

type span struct{ name, nameEnd, value, valueEnd int }

func (s span) field(b []byte) Field {
	return Field{Name: b[s.name:s.nameEnd], Value: b[s.value:s.valueEnd]}
}

// line gives the line under way without its CRLF once it is whole, and goes on to the next. All bytes of a line are
// clean of controls other than HTAB: RFC 9112 section 2.2 lets a recipient take a bare LF for an end of line, which
// is what smuggling feeds on, so here it is a fault.
func (h *head) line(b []byte, lim Limits) (line []byte, ok bool, f fault) {
	full := len(b) >= lim.Head
	if full {
		b = b[:lim.Head]
	}
	i := h.seen + control(b[h.seen:])
	switch {
	case i == len(b), b[i] == '\r' && i+1 == len(b):
		h.seen = i
		if full {
			return nil, false, headTooLarge
		}
		return nil, false, none
	case b[i] == '\n':
		return nil, false, bareLF
	case b[i] != '\r':
		return nil, false, controlByte
	case b[i+1] != '\n':
		return nil, false, bareCR
	}
	line = b[h.start:i]
	h.start, h.seen = i+2, i+2
	return line, true, none
}

// fields reads field lines up to the empty one. n is the length of the head, 0 if more is needed.
func (h *head) fields(b []byte, lim Limits) (n int, f fault) {
	for {
		from := h.start
		line, ok, f := h.line(b, lim)
		if !ok {
			return 0, f
		}
		if len(line) == 0 {
			return h.start, none
		}
		if len(h.spans) >= lim.Fields {
			return 0, tooManyFields
		}
		s, f := fieldLine(line)
		if f != none {
			return 0, f
		}
		h.spans = append(h.spans, span{from, from + s.nameEnd, from + s.value, from + s.valueEnd})
	}
}

// fieldLine splits a line that holds no control bytes (RFC 9112 section 5).
func fieldLine(line []byte) (s span, f fault) {
	if chars.IsSpace(line[0]) {
		return s, obsFold // section 5.2
	}
	colon := 0
	for colon < len(line) && isToken[line[colon]] {
		colon++
	}
	if colon == 0 || colon == len(line) {
		return s, badName
	}
	if line[colon] != ':' {
		if rest := trim(line[colon:]); chars.IsSpace(line[colon]) && len(rest) > 0 && rest[0] == ':' {
			return s, spaceBeforeColon // section 5.1
		}
		return s, badName
	}
	from, to := colon+1, len(line)
	for from < to && chars.IsSpace(line[from]) {
		from++
	}
	for to > from && chars.IsSpace(line[to-1]) {
		to--
	}
	return span{nameEnd: colon, value: from, valueEnd: to}, none
}

// view fills dst with the fields, whose bytes are where b is now.
func (h *head) view(dst []Field, b []byte) []Field {
	dst = dst[:0]
	for _, s := range h.spans {
		dst = append(dst, s.field(b))
	}
	return dst
}

func (h *head) reset() { *h = head{spans: h.spans[:0]} }

// control is the index of the first control byte other than HTAB, len(b) if there is none. Eight bytes at a time,
// as this is the one pass over all of a head.
func control(b []byte) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	i := 0
	for i+8 <= len(b) {
		x := binary.LittleEndian.Uint64(b[i:])
		del := x ^ 0x7f*ones
		// Set: the high bit of each byte below 0x20 or equal to 0x7f. A borrow may mark a byte wrongly, but
		// only behind one that is marked rightly, and only the first counts.
		hit := ((x-0x20*ones)&^x | (del-ones)&^del) & high
		if hit == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(hit) / 8
		if b[i] != '\t' {
			return i
		}
		i++
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < 0x20 && c != '\t' || c == 0x7f {
			return i
		}
	}
	return i
}
