package http1

import (
	"github.com/gobwas/ws"

	"weir/codec"
)

// What a backend's head breaks.
var (
	badStatusLine = blame("backend_bad_status_line", "the backend's status line is malformed (RFC 9112 section 4)")
	faultOf       = [faults]*codec.ProtocolError{
		bareLF:           blame("backend_bare_lf", "the backend sent LF without CR (RFC 9112 section 2.2)"),
		bareCR:           blame("backend_bare_cr", "the backend sent CR without LF (RFC 9112 section 2.2)"),
		controlByte:      blame("backend_control_byte", "the backend sent a control byte in its head (RFC 9110 section 5.5)"),
		obsFold:          blame("backend_obs_fold", "the backend sent a folded header line (RFC 9112 section 5.2)"),
		spaceBeforeColon: blame("backend_space_before_colon", "the backend sent a space before a colon (RFC 9112 section 5.1)"),
		badName:          blame("backend_bad_field_name", "the backend sent a malformed field name (RFC 9110 section 5.1)"),
		headTooLarge:     blame("backend_head_too_large", "the backend's head is too large"),
		tooManyFields:    blame("backend_too_many_fields", "the backend sent too many header fields"),
	}
)

// What CheckSwitch finds (RFC 6455 section 4.1, the client's checks).
var (
	notSwitching = blame("backend_not_switching", "the backend did not answer HTTP/1.1 101 (RFC 6455 section 4.1)")
	wrongUpgrade = blame("backend_wrong_upgrade", "the backend's 101 does not upgrade to websocket (RFC 6455 section 4.1)")
	wrongAccept  = blame("backend_wrong_accept", "the backend's 101 does not carry the one right Sec-WebSocket-Accept (RFC 6455 section 4.1)")
)

// What CheckOtherSwitch finds besides.
var wrongProtocol = blame("backend_wrong_protocol", "the backend's 101 does not upgrade to the protocol that was asked for (RFC 9110 section 7.8)")

// What Body and Scan find.
var (
	badLength = blame("backend_bad_content_length", "the backend's Content-Length is not one number (RFC 9112 section 6.3)")
	badCoding = blame("backend_bad_transfer_encoding", "the backend's Transfer-Encoding is not chunked alone (RFC 9112 section 6.1)")
	badChunk  = blame("backend_bad_chunk", "the backend's chunked body is malformed (RFC 9112 section 7.1)")
)

// Faults are all that this package finds in what a backend sends, for whoever counts or documents them.
var Faults []*codec.ProtocolError

func blame(reason, text string) *codec.ProtocolError {
	e := &codec.ProtocolError{Code: ws.StatusProtocolError, Reason: reason, Text: text}
	Faults = append(Faults, e)
	return e
}
