package json

import (
	"fmt"

	"github.com/gobwas/ws"

	"weir/codec"
)

// What a [Checker] finds. RFC 6455 section 7.4.1 has 1007 for payload that is not of its message's kind, and 1008 for
// policy: deep nesting is good JSON.
var (
	ErrMalformed = &codec.ProtocolError{Code: ws.StatusInvalidFramePayloadData, Reason: "invalid_json", Text: "a message is not JSON (RFC 8259)"}
	ErrTooDeep   = &codec.ProtocolError{Code: ws.StatusPolicyViolation, Reason: "json_too_deep", Text: "a message's JSON is nested too deep (RFC 8259 section 9)"}
)

// Faults are all that this package finds in a message, for whoever counts or documents them.
var Faults = []*codec.ProtocolError{ErrMalformed, ErrTooDeep}

// Error says where a message breaks which rule. It wraps [ErrMalformed] or [ErrTooDeep].
type Error struct {
	Offset int64 // of the byte that cannot stand there, from the message's begin; at its end, the message's length
	Fault  *codec.ProtocolError
	text   string
}

func (e *Error) Error() string { return e.text }
func (e *Error) Unwrap() error { return e.Fault }

func malformed(offset int64, c byte, s state) *Error {
	show := "%q"
	if c >= 0x80 {
		show = "%#x" // a part of a character
	}
	return &Error{offset, ErrMalformed, fmt.Sprintf("byte %d of the message is "+show+" where JSON needs %s", offset, c, needs(s))}
}

func unfinished(offset int64, s state) *Error {
	return &Error{offset, ErrMalformed, fmt.Sprintf("the message ends after %d bytes where JSON needs %s", offset, needs(s))}
}

func tooDeep(offset int64) *Error {
	return &Error{offset, ErrTooDeep, fmt.Sprintf("byte %d of the message opens more than %d arrays and objects in one another", offset, MaxDepth)}
}

func needs(s state) string {
	for expected[s] == "" {
		s--
	}
	return expected[s]
}
