package frame

import (
	"slices"

	"github.com/gobwas/ws"

	"weir/codec"
)

// fault is the number of a violation: one byte in the Scanner where a pointer would take eight.
type fault uint8

const (
	unmaskedFrame fault = iota + 1
	maskedFrame
	reservedBits
	unknownOpcode
	fragmentedControl
	controlTooLong
	unexpectedContinuation
	interruptedMessage
	longLengthEncoding
	lengthOverflow
	closePayload
	closeCode
	frameTooLarge
	messageTooLarge
	messageType
	invalidUTF8
)

var violations = [...]*codec.ProtocolError{
	unmaskedFrame:          {Code: ws.StatusProtocolError, Reason: "unmasked_frame", Text: "a frame from the client is not masked (RFC 6455 section 5.1)"},
	maskedFrame:            {Code: ws.StatusProtocolError, Reason: "masked_frame", Text: "a frame from the backend is masked (RFC 6455 section 5.1)"},
	reservedBits:           {Code: ws.StatusProtocolError, Reason: "reserved_bits", Text: "a reserved bit is set that no extension allows there (RFC 6455 section 5.2, RFC 7692 section 6)"},
	unknownOpcode:          {Code: ws.StatusProtocolError, Reason: "unknown_opcode", Text: "the opcode is a reserved one (RFC 6455 section 5.2)"},
	fragmentedControl:      {Code: ws.StatusProtocolError, Reason: "fragmented_control", Text: "a control frame is fragmented (RFC 6455 section 5.5)"},
	controlTooLong:         {Code: ws.StatusProtocolError, Reason: "control_too_long", Text: "a control frame has more than 125 bytes of payload (RFC 6455 section 5.5)"},
	unexpectedContinuation: {Code: ws.StatusProtocolError, Reason: "unexpected_continuation", Text: "a continuation frame continues no message (RFC 6455 section 5.4)"},
	interruptedMessage:     {Code: ws.StatusProtocolError, Reason: "interrupted_message", Text: "a new message begins inside a fragmented one (RFC 6455 section 5.4)"},
	longLengthEncoding:     {Code: ws.StatusProtocolError, Reason: "long_length_encoding", Text: "the payload length is not encoded in the fewest bytes (RFC 6455 section 5.2)"},
	lengthOverflow:         {Code: ws.StatusProtocolError, Reason: "length_overflow", Text: "the top bit of a 64-bit payload length is set (RFC 6455 section 5.2)"},
	closePayload:           {Code: ws.StatusProtocolError, Reason: "bad_close_payload", Text: "a close frame has one byte of payload, which is no code (RFC 6455 section 5.5.1)"},
	closeCode:              {Code: ws.StatusProtocolError, Reason: "bad_close_code", Text: "a close code is one that must not be sent (RFC 6455 section 7.4)"},
	frameTooLarge:          {Code: ws.StatusMessageTooBig, Reason: "frame_too_large", Text: "a frame is larger than the limit (RFC 6455 section 10.4)"},
	messageTooLarge:        {Code: ws.StatusMessageTooBig, Reason: "message_too_large", Text: "a message is larger than the limit (RFC 6455 section 10.4)"},
	messageType:            {Code: ws.StatusUnsupportedData, Reason: "message_type", Text: "a message is of a kind that is not taken here (RFC 6455 section 7.4.1)"},
	invalidUTF8:            {Code: ws.StatusInvalidFramePayloadData, Reason: "invalid_utf8", Text: "a text message or close reason is not UTF-8 (RFC 6455 section 8.1)"},
}

// InvalidUTF8 is the fault of text that is not, for those who look at messages as a whole.
var InvalidUTF8 = violations[invalidUTF8]

// Violations lists every fault that [Scanner.Err] can name, for those who make a metric of each.
func Violations() []*codec.ProtocolError { return slices.Clone(violations[1:]) }
