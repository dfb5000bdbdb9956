package h2

import "weir/codec/internal/chars"

const lowerAlnum = "0123456789abcdefghijklmnopqrstuvwxyz"

var (
	// tchar without capitals (RFC 9110 section 5.6.2, RFC 9113 section 8.2.1).
	isLowerToken = chars.Table(lowerAlnum + "!#$%&'*+-.^_`|~")
	// A method, a scheme or a protocol.
	isNameByte = chars.Table(lowerAlnum + "ABCDEFGHIJKLMNOPQRSTUVWXYZ+-._")
	// A host name or address with a port. User information has no place there (RFC 9113 section 8.3.1), and the
	// other bytes that a URI allows are there to be read in two ways.
	isAuthority = chars.Table(lowerAlnum + "ABCDEFGHIJKLMNOPQRSTUVWXYZ-._~:[]")
)

func isName(b []byte) bool { return len(b) > 0 && chars.All(b, &isNameByte) }

// isValue tells a field value without control bytes but HTAB, and without white space around it. RFC 9113 section 8.2.1
// forbids CR, LF and NUL alone, but a value has to fit into an HTTP/1.1 head as well.
func isValue(b []byte) bool {
	if n := len(b); n > 0 && (chars.IsSpace(b[0]) || chars.IsSpace(b[n-1])) {
		return false
	}
	for _, c := range b {
		if c < 0x20 && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
