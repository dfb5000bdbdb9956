package http1

import (
	"math"

	"weir/codec"
	"weir/codec/internal/chars"
)

// Body walks the raw body of an answer as it is passed on, chunk framing and all. It is copyable and holds no bytes.
type Body struct {
	left    uint64 // bytes of the body or of the chunk under way
	state   bodyState
	digits  uint8  // of the chunk size under way
	framing uint16 // bytes of the chunk line or of the trailers so far
}

type bodyState uint8

const (
	ended      bodyState = iota
	untilClose           // what comes is the body
	counted              // left bytes
	chunkSize            // hexadecimal digits
	chunkExt             // what follows them, up to CR
	chunkLF
	chunkData // left bytes
	dataCR
	dataLF
	trailer // at the start of a trailer line
	trailerLine
	trailerLF
	lastLF
)

// maxFraming bounds a chunk line and the trailers, in bytes: neither is the backend's content.
const maxFraming = 4096

// Body tells how the body of the answer to a GET is framed (RFC 9112 section 6.3). A head that could be read in two
// ways is a fault.
func (r *Response) Body() (Body, *codec.ProtocolError) {
	said := lengthsOf(r.Fields)
	coding, codings := only(r.Fields, "transfer-encoding")
	switch {
	case r.Status < 200 || r.Status == 204 || r.Status == 304:
		return Body{}, nil
	case codings > 0:
		if codings > 1 || said.lengths > 0 || r.minor == 0 || !is(coding, "chunked") {
			return Body{}, badCoding
		}
		return Body{state: chunkSize}, nil
	case said.lengths == 0:
		return Body{state: untilClose}, nil
	case said.bad || said.differ:
		return Body{}, badLength
	case said.length == 0:
		return Body{}, nil
	}
	return Body{state: counted, left: said.length}, nil
}

func decimal(b []byte) (n uint64, ok bool) {
	for _, c := range b {
		if !isDigit(c) || n > math.MaxInt64/10-1 {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, len(b) > 0
}

// UntilClose tells that the body ends where the connection does, so that Scan never says done.
func (b *Body) UntilClose() bool { return b.state == untilClose }

// Scan tells how many bytes of p, which follow those of the last call, belong to the body, and whether it ended
// there. An empty p asks whether it has ended already. An error is final: p[:n] is good,
// nothing after it.
func (b *Body) Scan(p []byte) (n int, done bool, err *codec.ProtocolError) {
	for b.state != ended && n < len(p) {
		switch b.state {
		case untilClose:
			return len(p), false, nil
		case counted, chunkData:
			n += b.content(len(p) - n)
		default:
			if !b.frame(p[n]) {
				return n, false, badChunk
			}
			n++
		}
	}
	return n, b.state == ended, nil
}

// content takes up to n bytes of content.
func (b *Body) content(n int) int {
	if uint64(n) < b.left {
		b.left -= uint64(n)
		return n
	}
	n = int(b.left)
	b.left = 0
	if b.state == counted {
		b.state = ended
	} else {
		b.state = dataCR
	}
	return n
}

// frame takes one byte of chunk framing (RFC 9112 section 7.1).
func (b *Body) frame(c byte) (ok bool) {
	if b.framing++; b.framing > maxFraming {
		return false
	}
	switch b.state {
	case chunkSize:
		return b.size(c)
	case chunkExt, trailerLine:
		return b.skip(c)
	case chunkLF:
		b.framing = 0
		b.state = chunkData
		if b.left == 0 {
			b.state = trailer
		}
		return c == '\n'
	case dataCR:
		b.state = dataLF
		return c == '\r'
	case dataLF:
		b.state, b.digits, b.framing = chunkSize, 0, 0
		return c == '\n'
	case trailer:
		b.state = trailerLine
		if c == '\r' {
			b.state = lastLF
			return true
		}
		return isToken[c]
	case trailerLF:
		b.state = trailer
		return c == '\n'
	default: // lastLF
		b.state = ended
		return c == '\n'
	}
}

// size takes a byte of a chunk's size: at most 15 digits, so that it never overflows.
func (b *Body) size(c byte) bool {
	var digit byte
	switch l := lower[c]; {
	case isDigit(c):
		digit = c - '0'
	case 'a' <= l && l <= 'f':
		digit = l - 'a' + 10
	default:
		b.state = chunkExt
		return b.digits > 0 && (c == ';' || chars.IsSpace(c) || c == '\r') && b.skip(c)
	}
	b.left = b.left<<4 | uint64(digit)
	b.digits++
	return b.digits <= 15
}

// skip takes a byte of a chunk extension or a trailer line, up to CR.
func (b *Body) skip(c byte) bool {
	if c != '\r' {
		return c >= 0x20 && c != 0x7f || c == '\t'
	}
	if b.state == chunkExt {
		b.state = chunkLF
	} else {
		b.state = trailerLF
	}
	return true
}
