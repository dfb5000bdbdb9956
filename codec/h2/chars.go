package h2

const lowerAlnum = "0123456789abcdefghijklmnopqrstuvwxyz"

var (
	// tchar without capitals (RFC 9110 section 5.6.2, RFC 9113 section 8.2.1).
	isLowerToken = table(lowerAlnum + "!#$%&'*+-.^_`|~")
	// A method, a scheme or a protocol.
	isNameByte = table(lowerAlnum + "ABCDEFGHIJKLMNOPQRSTUVWXYZ+-._")
	// A host name or address with a port. User information has no place there (RFC 9113 section 8.3.1), and the
	// other bytes that a URI allows are there to be read in two ways.
	isAuthority = table(lowerAlnum + "ABCDEFGHIJKLMNOPQRSTUVWXYZ-._~:[]")
	// A path and query: visible ASCII but '#', as a fragment is never sent.
	isTarget = func() (t [256]bool) {
		for c := 0x21; c < 0x7f; c++ {
			t[c] = c != '#'
		}
		return t
	}()
)

func table(chars string) (t [256]bool) {
	for i := range len(chars) {
		t[chars[i]] = true
	}
	return t
}

// all tells whether b holds only marked bytes.
func all(b []byte, t *[256]bool) bool {
	for _, c := range b {
		if !t[c] {
			return false
		}
	}
	return true
}

func isName(b []byte) bool { return len(b) > 0 && all(b, &isNameByte) }

// isValue tells a field value without control bytes but HTAB, and without white space around it. RFC 9113 section 8.2.1
// forbids CR, LF and NUL alone, but a value has to fit into an HTTP/1.1 head as well.
func isValue(b []byte) bool {
	if n := len(b); n > 0 && (isSpace(b[0]) || isSpace(b[n-1])) {
		return false
	}
	for _, c := range b {
		if c < 0x20 && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }
