package proxyproto

import (
	"net/netip"

	"github.com/gobwas/ws"

	"weir/codec"
)

// Limits of a header in bytes. The spec's version 2 may have 65,535 behind its fixed part; of these we read 12 or 36,
// and proxies that send a client's certificate along stay below our limit.
const (
	maxV1     = 107 // with CRLF (the spec, section 2.1)
	fixedV2   = 16
	maxV2     = 4096 // behind the fixed part
	MaxHeader = fixedV2 + maxV2
)

// Header is what the proxy told.
type Header struct {
	Source, Destination netip.AddrPort // of the client's connection to the proxy; IPv4 never in its IPv6 form
	Local               bool           // nothing was told: the addresses are those of the connection itself
}

// What can be wrong with a header.
var (
	ErrNoHeader  = blame("proxy_header_missing", "the connection does not begin with a PROXY header, which its peer is configured to send (PROXY protocol, section 2)")
	ErrMalformed = blame("proxy_header_malformed", "the PROXY header is malformed or its checksum wrong (PROXY protocol, sections 2.1 and 2.2)")
	ErrTooLong   = blame("proxy_header_too_long", "the PROXY header is longer than 107 bytes in version 1 or 4,112 in version 2")
)

// Faults are all that Parse finds, for whoever counts or documents them.
var Faults []*codec.ProtocolError

func blame(reason, text string) *codec.ProtocolError {
	e := &codec.ProtocolError{Code: ws.StatusProtocolError, Reason: reason, Text: text}
	Faults = append(Faults, e)
	return e
}

const (
	signatureV1 = "PROXY "
	signatureV2 = "\r\n\r\n\x00\r\nQUIT\n"
)

// Parse reads the header at the start of b, which holds all bytes of the connection so far. n is the header's length
// and b[n:] came behind it; n == 0 without an error means that more is needed. A wrong byte is an error as soon as it
// is there, so that whoever speaks another protocol is not waited for.
func Parse(b []byte) (h Header, n int, err *codec.ProtocolError) {
	switch {
	case begins(b, signatureV1):
		return parseV1(b)
	case begins(b, signatureV2):
		return parseV2(b)
	}
	return h, 0, ErrNoHeader
}

// begins tells whether b may still become, or is, something that begins with the signature.
func begins(b []byte, signature string) bool {
	n := min(len(b), len(signature))
	return string(b[:n]) == signature[:n]
}
