package http1

import (
	"bytes"

	"weir/codec/internal/chars"
)

// isToken marks tchar (RFC 9110 section 5.6.2).
var isToken = chars.Table(alnum + "!#$%&'*+-.^_`|~")

// isHost marks the unreserved bytes of a host name (RFC 3986 section 2.3). The rest of reg-name is refused: nobody
// sends it, and a comma or an escape in a Host is there to be read in two ways.
var isHost = chars.Table(alnum + "-._~")

const alnum = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// trim cuts optional white space off both ends (OWS, RFC 9110 section 5.6.3).
func trim(b []byte) []byte {
	for len(b) > 0 && chars.IsSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && chars.IsSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// lower folds ASCII letters. alike also takes '_' for '-', as CGI and WSGI backends do: to them X_Real_IP and
// X-Real-IP are one field, so a client's X_Real_IP must not pass where ours is set.
var lower, alike = folds()

func folds() (lower, alike [256]byte) {
	for c := range 256 {
		lower[c] = byte(c)
		if 'A' <= c && c <= 'Z' {
			lower[c] += 'a' - 'A'
		}
		alike[c] = lower[c]
	}
	alike['_'] = '-'
	return lower, alike
}

type text interface{ ~string | ~[]byte }

// same compares under a fold.
func same[T text](b []byte, name T, fold *[256]byte) bool {
	if len(b) != len(name) {
		return false
	}
	for i, c := range b {
		if fold[c] != fold[name[i]] {
			return false
		}
	}
	return true
}

// is compares without regard to case.
func is[T text](b []byte, name T) bool { return same(b, name, &lower) }

// Same compares names without regard to the case of ASCII letters.
func Same(b []byte, name string) bool { return same(b, name, &lower) }

// Alike does, and takes '_' for '-' too: what backends of some kinds take for one field.
func Alike(b []byte, name string) bool { return same(b, name, &alike) }

// cut splits off the first element of a list, trimmed. A separator inside a quoted string does not count (RFC 9110
// sections 5.6.1 and 5.6.4). Elements may be empty.
func cut(list []byte, sep byte) (item, rest []byte) {
	quoted := false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == sep && !quoted:
			return trim(list[:i]), list[i+1:]
		}
	}
	return trim(list), nil
}

// has tells whether a comma list holds the token, whatever the case.
func has(list []byte, token string) bool {
	for len(list) > 0 {
		var item []byte
		if item, list = cut(list, ','); is(item, token) {
			return true
		}
	}
	return false
}

// listed tells whether any field called name holds the token: repeated fields are one list (RFC 9110 section 5.3).
func listed(fields []Field, name, token string) bool {
	for i := range fields {
		if is(fields[i].Name, name) && has(fields[i].Value, token) {
			return true
		}
	}
	return false
}

// options counts what Connection lists.
func options(fields []Field) (n int) {
	for i := range fields {
		if is(fields[i].Name, "connection") {
			n += 1 + bytes.Count(fields[i].Value, []byte{','})
		}
	}
	return n
}

// only gives the value of the field called name and how many such fields there are. The value is nil if none.
func only(fields []Field, name string) (value []byte, n int) {
	for i := range fields {
		if is(fields[i].Name, name) {
			if n++; n == 1 {
				value = fields[i].Value
			}
		}
	}
	return value, n
}
