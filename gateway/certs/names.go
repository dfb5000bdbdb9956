package certs

import "strings"

// maxName is the longest host name there is (RFC 1035, section 2.3.4, less root and length bytes).
const maxName = 253

// index keeps what belongs to host names: to exact ones, and to wildcards.
type index[T any] struct{ exact, wild map[string]T }

func newIndex[T any]() index[T] { return index[T]{map[string]T{}, map[string]T{}} }

// slot is the map and key of a pattern; wildcards are kept without "*.".
func (x index[T]) slot(pattern string) (map[string]T, string) {
	pattern = canonical(pattern)
	if rest, is := strings.CutPrefix(pattern, "*."); is {
		return x.wild, rest
	}
	return x.exact, pattern
}

// certified finds what belongs to a name as certificates mean it: a wildcard stands for one label (RFC 9525, section
// 6.3). It wants a canonical name.
func (x index[T]) certified(name string) (v T, ok bool) {
	if v, ok = x.exact[name]; ok {
		return v, true
	}
	if _, rest, dotted := strings.Cut(name, "."); dotted {
		v, ok = x.wild[rest]
	}
	return v, ok
}

// covering finds what belongs to a name as the configuration means it: a wildcard stands for labels of any number, one at
// least, and of several the longest counts. It wants a canonical name.
func (x index[T]) covering(name string) (v T, ok bool) {
	if v, ok = x.exact[name]; ok {
		return v, true
	}
	for dotted := true; dotted && !ok; {
		if _, name, dotted = strings.Cut(name, "."); dotted {
			v, ok = x.wild[name]
		}
	}
	return v, ok
}

// canonical is the name in lower case without the root's dot; "" for what is none: too long, or with an empty label.
func canonical(name string) string {
	name = strings.TrimSuffix(name, ".")
	if len(name) > maxName || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, "..") {
		return ""
	}
	return strings.ToLower(name)
}

// hostName is the name in a Host header or :authority, without port and brackets.
func hostName(host string) string {
	if strings.HasPrefix(host, "[") {
		host, _, _ = strings.Cut(host[1:], "]")
	} else {
		host, _, _ = strings.Cut(host, ":")
	}
	return canonical(host)
}
