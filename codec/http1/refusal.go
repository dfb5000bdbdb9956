package http1

import (
	"net/http"
	"strconv"
	"strings"
)

// Refusal is an answer of ours, in a backend's place. Refusals are constants, never built per request.
type Refusal struct {
	Status int
	Reason string // the refusal's one name, in snake_case: close reason, log field and metric label
	Text   string // one line for the user
	Header string // further header lines, each with its CRLF
	Ends   bool   // the connection is of no more use, over HTTP/2 too
}

func (r *Refusal) Error() string { return r.Text }

// Append adds the whole response, after which the connection is to be closed.
func (r *Refusal) Append(dst []byte) []byte {
	dst = appendStatus(dst, r.Status, http.StatusText(r.Status))
	dst = append(dst, r.Header...)
	dst = append(dst, "Content-Type: text/plain\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(r.Text)+1), 10)
	dst = append(dst, "\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"...)
	dst = append(dst, r.Text...)
	return append(dst, '\n')
}

// What Parse refuses.
var (
	badRequestLine = refuse(400, "bad_request_line", "malformed request line (RFC 9112 section 3)")
	badMethod      = refuse(400, "bad_method", "the method is not a token (RFC 9112 section 3.1)")
	badTarget      = refuse(400, "bad_target", "the request target is neither a path with a query nor an http URL, in visible ASCII (RFC 9112 section 3.2)")
	pathTooLong    = refuse(414, "path_too_long", "the path is too long (RFC 9110 section 15.5.15)")
	badVersion     = refuse(505, "bad_http_version", "only HTTP/1.1 is spoken here, and HTTP/1.0 for what is no WebSocket (RFC 9112 section 2.3)")
	noHost         = refuse(400, "no_host", "no Host field (RFC 9112 section 3.2)")
	twoHosts       = refuse(400, "duplicate_host", "more than one Host field (RFC 9112 section 3.2)")
	badHost        = refuse(400, "bad_host", "the Host field is not a host with an optional port (RFC 9110 section 7.2)")
	isConnect      = refuse(405, "method_connect", "CONNECT asks for a forward proxy, which this is not (RFC 9110 section 9.3.6)", "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n")

	twoLengths        = refuse(400, "duplicate_content_length", "Content-Length fields that differ (RFC 9112 section 6.3)")
	badContentLength  = refuse(400, "bad_content_length", "the Content-Length is not a number below 2^63 in plain digits (RFC 9110 section 8.6)")
	lengthAndCoding   = refuse(400, "length_and_transfer_encoding", "both Content-Length and Transfer-Encoding (RFC 9112 section 6.1)")
	badTransferCoding = refuse(501, "bad_transfer_encoding", "the one Transfer-Encoding spoken here is chunked, once (RFC 9112 section 6.1)")

	refusalOf = [faults]*Refusal{
		bareLF:           refuse(400, "bare_lf", "LF without CR (RFC 9112 section 2.2)"),
		bareCR:           refuse(400, "bare_cr", "CR without LF (RFC 9112 section 2.2)"),
		controlByte:      refuse(400, "control_byte", "control byte in the head (RFC 9110 section 5.5)"),
		obsFold:          refuse(400, "obs_fold", "folded header line (RFC 9112 section 5.2)"),
		spaceBeforeColon: refuse(400, "space_before_colon", "space between a field's name and the colon (RFC 9112 section 5.1)"),
		badName:          refuse(400, "bad_field_name", "malformed field name (RFC 9110 section 5.1)"),
		headTooLarge:     refuse(431, "head_too_large", "the request head is too large (RFC 6585 section 5)"),
		tooManyFields:    refuse(431, "too_many_fields", "too many header fields (RFC 6585 section 5)"),
	}
)

// NotUpgrade answers a request which is no WebSocket handshake where nothing else is served.
var NotUpgrade = refuse(426, "not_an_upgrade", "a WebSocket endpoint: ask for an upgrade to websocket (RFC 6455 section 4.2.1)", upgradeField)

// What else CheckUpgrade refuses.
var (
	twoUpgrades  = refuse(400, "duplicate_upgrade", "more than one Upgrade field (RFC 6455 section 4.2.1)")
	notGet       = refuse(405, "method_not_get", "a WebSocket handshake is a GET (RFC 6455 section 4.2.1)", "Allow: GET\r\n")
	twoVersions  = refuse(400, "duplicate_websocket_version", "more than one Sec-WebSocket-Version field (RFC 6455 section 11.3.5)")
	wrongVersion = refuse(426, "bad_websocket_version", "only WebSocket version 13 is spoken here (RFC 6455 section 4.4)", upgradeField, versionField)
	noKey        = refuse(400, "no_websocket_key", "no Sec-WebSocket-Key field (RFC 6455 section 4.2.1)")
	twoKeys      = refuse(400, "duplicate_websocket_key", "more than one Sec-WebSocket-Key field (RFC 6455 section 11.3.1)")
	hasCoding    = refuse(400, "transfer_encoding", "a handshake has no body, so no Transfer-Encoding (RFC 9112 section 6.1)")
	hasBody      = refuse(400, "request_body", "a handshake has no body, so no Content-Length but 0 (RFC 9112 section 6.2)")
	badKey       = refuse(400, "bad_websocket_key", "the Sec-WebSocket-Key is not 16 bytes in base64 (RFC 6455 section 4.2.1)")
)

// Who sends Upgrade names it in Connection too (RFC 9110 section 7.8).
const (
	upgradeField = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	versionField = "Sec-WebSocket-Version: 13\r\n"
)

// Refusals are all that Parse and CheckUpgrade can give, for whoever counts or documents them.
var Refusals []*Refusal

func refuse(status int, reason, text string, header ...string) *Refusal {
	r := &Refusal{Status: status, Reason: reason, Text: text, Header: strings.Join(header, "")}
	Refusals = append(Refusals, r)
	return r
}
