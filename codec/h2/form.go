package h2

// form is how a field is represented (RFC 7541 section 6): its first bits, and how many bits are left for a number.
type form struct {
	bits   byte
	prefix uint8
}

var (
	indexed     = form{0x80, 7}
	incremental = form{0x40, 6}
	tableSize   = form{0x20, 5}
	never       = form{0x10, 4}
	literal     = form{0x00, 4}
	length      = form{0x00, 7} // of a string, which is not squeezed by Huffman's code
)

// appendInt adds a number behind a form's bits (RFC 7541 section 5.1).
func appendInt(dst []byte, f form, n int) []byte {
	limit := 1<<f.prefix - 1
	if n < limit {
		return append(dst, f.bits|byte(n))
	}
	dst = append(dst, f.bits|byte(limit))
	for n -= limit; n >= 128; n >>= 7 {
		dst = append(dst, byte(n)|128)
	}
	return append(dst, byte(n))
}

// appendText adds a string (RFC 7541 section 5.2).
func appendText[S string | []byte](dst []byte, s S) []byte {
	return append(appendInt(dst, length, len(s)), s...)
}

// readInt takes a number and the rest of a block, of one that is known to be whole.
func readInt(b []byte, f form) (n int, rest []byte) {
	limit := 1<<f.prefix - 1
	n, rest = int(b[0])&limit, b[1:]
	if n < limit {
		return n, rest
	}
	for i, c := range rest {
		n += int(c&127) << (7 * i)
		if c < 128 {
			return n, rest[i+1:]
		}
	}
	return n, nil
}

// skipText takes a string off a block that is known to be whole.
func skipText(b []byte) []byte {
	n, rest := readInt(b, length)
	return rest[n:]
}
