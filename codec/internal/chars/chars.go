package chars

// Table marks the bytes in chars.
func Table(chars string) (t [256]bool) {
	for i := range len(chars) {
		t[chars[i]] = true
	}
	return t
}

// All tells whether b holds only marked bytes.
func All(b []byte, t *[256]bool) bool {
	for _, c := range b {
		if !t[c] {
			return false
		}
	}
	return true
}

// Target marks what an origin-form target may hold: every visible ASCII byte but '#', as a fragment is never
// sent (RFC 9112 section 3.2.1). That is wider than RFC 3986, since browsers send some bytes of a query unescaped.
var Target = func() (t [256]bool) {
	for c := 0x21; c < 0x7f; c++ {
		t[c] = c != '#'
	}
	return t
}()

// IsSpace tells optional white space (OWS, RFC 9110 section 5.6.3).
func IsSpace(c byte) bool { return c == ' ' || c == '\t' }
