package routing

// Ambiguous tells whether servers read the path in ways that lead to different
// places. They do where there is, escaped or not, a dot segment, a backslash, a
// semicolon or one of two slashes in a row; where a slash or NUL is escaped;
// and at a malformed escape or a byte that is UTF-8 in more bytes than it needs.
func Ambiguous(path []byte) bool {
	const open, closed = 0, -1 // how many dots the segment is made of so far; closed: it holds something else
	dots, last := closed, byte(0)
	for i := 0; i < len(path); {
		c, n, ok := octet(path[i:])
		switch {
		case !ok || c == '\\' || c == ';' || n > 1 && (c == '/' || c == 0) || overlong(last, c):
			return true
		case c == '/':
			if last == '/' || dots == 1 || dots == 2 {
				return true
			}
			dots = open
		case c == '.' && dots != closed:
			dots++
		default:
			dots = closed
		}
		i, last = i+n, c
	}
	return dots == 1 || dots == 2
}

// overlong tells whether c, behind last, is part of a sequence that a careless
// decoder of UTF-8 takes for a shorter one, an ASCII character at worst (RFC
// 3629 section 10).
func overlong(last, c byte) bool {
	more := c >= 0x80 && c < 0xc0
	return c == 0xc0 || c == 0xc1 || last == 0xe0 && more && c < 0xa0 || last == 0xf0 && more && c < 0x90 || last >= 0xf8 && more
}
