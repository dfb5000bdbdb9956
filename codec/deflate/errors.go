package deflate

import (
	"errors"

	"github.com/gobwas/ws"

	"weir/codec"
)

// What [Inflater.Append] finds. Corrupt data is 1007 and not 1002: the frames are in order, but the payload is not what
// RSV1 says it is, which is how RFC 6455 section 7.4.1 has it for text that is not UTF-8. RFC 7692 names no code.
var (
	ErrTooLarge = &codec.ProtocolError{Code: ws.StatusMessageTooBig, Reason: "inflated_too_large", Text: "a message is larger than the limit once it is inflated (RFC 6455 section 10.4)"}
	ErrCorrupt  = &codec.ProtocolError{Code: ws.StatusInvalidFramePayloadData, Reason: "corrupt_deflate", Text: "a compressed message cannot be inflated, or ends inside a block (RFC 7692 section 7.2.2)"}
)

// Faults are all that this package finds in what a client sends after its handshake, for whoever counts or documents them.
var Faults = []*codec.ProtocolError{ErrTooLarge, ErrCorrupt}

// ErrSyntax says that a Sec-WebSocket-Extensions value is not one, so that none of its offers can be taken (RFC 6455
// section 9.1).
var ErrSyntax = errors.New("Sec-WebSocket-Extensions is malformed (RFC 6455 section 9.1)")
