package routing

import "bytes"

// Normal is path in the normal form of RFC 3986 section 6.2.2: escapes of
// letters, digits, '-', '.', '_' and '~' are undone, the digits of others in
// upper case. It is path itself where there is no escape or a malformed one.
func Normal(path []byte) []byte {
	if bytes.IndexByte(path, '%') < 0 {
		return path
	}
	normal := make([]byte, 0, len(path))
	for i := 0; i < len(path); {
		c, n, ok := octet(path[i:])
		switch {
		case !ok:
			return path
		case n == 1 || isUnreserved(c):
			normal = append(normal, c)
		default:
			normal = append(normal, '%', upperHex[c>>4], upperHex[c&15])
		}
		i += n
	}
	return normal
}

const upperHex = "0123456789ABCDEF"

// isUnreserved marks what is the same with and without an escape (RFC 3986 section 2.3).
func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}

// octet is the first byte of a path that is not empty, unescaped, and its
// length as written. It fails on a '%' without two hexadecimal digits.
func octet(path []byte) (c byte, n int, ok bool) {
	if path[0] != '%' {
		return path[0], 1, true
	}
	if len(path) < 3 {
		return 0, 0, false
	}
	high, low := digit(path[1]), digit(path[2])
	return high<<4 | low, 3, high < 16 && low < 16
}

// digit is the value of a hexadecimal digit, and 16 or more for what is none.
func digit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}
