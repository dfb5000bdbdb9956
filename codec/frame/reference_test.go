package frame_test

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"unicode/utf8"

	"weir/codec/frame"
)

// setup is everything besides the bytes that decides how a stream is walked.
type setup struct {
	rules      frame.Rules
	rsv1, pong bool
}

// outcome is all that can be seen of a walk.
type outcome struct {
	passed     []byte
	log        []string // events, each with how many bytes had been passed
	counts     frame.Counts
	buffered   int
	code       int
	boundaries []int // what had been passed at the end of each frame, and 0
}

func (o *outcome) event(format string, args ...any) {
	o.log = append(o.log, fmt.Sprintf("%d: ", len(o.passed))+fmt.Sprintf(format, args...))
}

// reference decodes a stream that is there as a whole, naively, straight from the RFC's text.
func reference(stream []byte, set setup) (o outcome) {
	o.boundaries = []int{0}
	var inMessage, isText bool
	var messageSize uint64
	var tail []byte // a character's beginning
	for {
		h := stream
		if len(h) < 2 {
			break
		}
		final, reserved, op, masked := h[0]>>7 == 1, h[0]>>4&7, int(h[0]&15), h[1]>>7 == 1
		length, at := uint64(h[1]&127), 2
		if size := map[uint64]int{126: 2, 127: 8}[length]; size > 0 {
			if len(h) < 2+size {
				break
			}
			length, at = binary.BigEndian.Uint64(append(make([]byte, 8-size), h[2:2+size]...)), 2+size
		}
		var key [4]byte
		if masked {
			if len(h) < at+4 {
				break
			}
			at += copy(key[:], h[at:])
		}
		encoded := h[1] & 127
		size := messageSize
		if op != 0 {
			size = 0
		}
		sum, carry := bits.Add64(size, length, 0)
		fault := ""
		for _, rule := range []struct {
			broken bool
			name   string
		}{ // the first of these tells
			{set.rules.Masked && !masked, "unmasked_frame"},
			{!set.rules.Masked && masked, "masked_frame"},
			{reserved != 0 && !(reserved == 4 && set.rsv1 && (op == 1 || op == 2)), "reserved_bits"},
			{op > 10 || op > 2 && op < 8, "unknown_opcode"},
			{op >= 8 && !final, "fragmented_control"},
			{op >= 8 && length > 125 || op >= 8 && encoded > 125, "control_too_long"},
			{op == 8 && length == 1, "bad_close_payload"},
			{op == 0 && !inMessage, "unexpected_continuation"},
			{op > 0 && op < 8 && inMessage, "interrupted_message"},
			{set.rules.Only != 0 && (op == 1 || op == 2) && op != int(set.rules.Only), "message_type"},
			{encoded == 126 && length < 126 || encoded == 127 && length < 65536, "long_length_encoding"},
			{length > 1<<63-1, "length_overflow"},
			{op < 8 && set.rules.MaxFrame > 0 && length > set.rules.MaxFrame, "frame_too_large"},
			{op < 8 && set.rules.MaxMessage > 0 && (carry > 0 || sum > set.rules.MaxMessage), "message_too_large"},
		} {
			if rule.broken {
				fault = rule.name
				break
			}
		}
		if fault != "" {
			o.event("violation %s", fault)
			return o
		}
		have := stream[at:]
		plain := slices.Clone(have[:min(uint64(len(have)), length)])
		for i := range plain {
			plain[i] ^= key[i%4]
		}

		lead := at // must be there before any is passed
		switch {
		case op == 8 && length > 0:
			lead += 2
		case op == 10 && length == 8 && set.pong:
			lead += 8
		}
		if len(stream) < lead {
			break
		}
		o.counts.Frames++
		if op >= 8 {
			o.counts.Controls++
		} else if !final {
			o.counts.Parts++
		}
		if op == 10 && length == 8 && set.pong {
			o.event("pong %x %x", plain, stream[:lead])
			stream = stream[lead:]
			continue
		}
		if op == 8 && length > 0 {
			o.code = int(plain[0])<<8 | int(plain[1])
			if c := o.code; c < 1000 || c == 1004 || c == 1005 || c == 1006 || c > 1014 && c < 3000 || c > 4999 {
				o.counts.Frames--
				o.counts.Controls--
				o.code = 0
				o.event("violation bad_close_code")
				return o
			}
		} else if op == 8 {
			o.code = 1005
		}
		if op == 1 || op == 2 {
			isText, tail = op == 1 && reserved == 0, nil
		}
		if op < 8 {
			messageSize = sum
			inMessage = !final
		}
		text := set.rules.ValidateUTF8 && (op < 8 && isText || op == 8)
		if op == 8 {
			tail = nil
		}
		if text && op < 8 && length == 0 && final && len(tail) > 0 {
			o.counts.Frames--
			o.event("violation invalid_utf8")
			return o
		}
		o.passed = append(o.passed, stream[:lead]...)
		if op == 8 {
			o.event("close %d", o.code)
		}
		for i := lead - at; i < len(plain); i++ {
			if text {
				tail = append(tail, plain[i])
				bad := false
				if utf8.FullRune(tail) {
					r, n := utf8.DecodeRune(tail)
					bad = r == utf8.RuneError && n == 1
					tail = nil
				}
				if bad || final && uint64(i) == length-1 && len(tail) > 0 {
					o.event("violation invalid_utf8")
					return o
				}
			}
			o.passed = append(o.passed, stream[at+i])
		}
		if uint64(len(plain)) < length {
			return o
		}
		o.boundaries = append(o.boundaries, len(o.passed))
		if op < 8 && final {
			o.counts.Messages++
		}
		if op == 8 {
			o.event("ended")
			return o
		}
		stream = stream[at+len(plain):]
	}
	o.buffered = len(stream)
	return o
}
