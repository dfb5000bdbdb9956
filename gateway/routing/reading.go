package routing

import (
	"bytes"
	"slices"
)

// The bounds of what a path is read as: enough for any that somebody means, and
// no work for those that are made to be read in many ways.
const (
	maxReadings     = 64
	maxReadingBytes = 16 << 10 // in all, beyond four of a path's own length
)

// servers are what servers are known to do with a path, each by itself. They do
// several of these, in any order.
var servers = [...]func(path []byte) []byte{
	unescape, unescapeUnicode, dropPercent, cutPercent, shorten, narrow, slashes, dropParameters, cutParameters, cutMarks, dropBlanks, resolve, merge, dropAuthority, trimEnds,
}

// readings calls read with all that the path can be read as, itself first, until
// it is told false. It is true if read always was, and if there are not more
// readings than are looked at.
func readings(path []byte, read func(path []byte) bool) bool {
	if !read(path) {
		return false
	}
	if !odd(path) {
		return true
	}
	all, size := [][]byte{path}, len(path)
	for i := 0; i < len(all); i++ {
		for _, server := range servers {
			other := server(all[i])
			if known(all, other) {
				continue
			}
			size += len(other)
			if len(all) == maxReadings || size > maxReadingBytes+4*len(path) || !read(other) {
				return false
			}
			all = append(all, other)
		}
	}
	return true
}

func known(all [][]byte, path []byte) bool {
	for _, r := range all {
		if bytes.Equal(r, path) {
			return true
		}
	}
	return false
}

// odd tells whether a path may have other readings than itself.
func odd(path []byte) bool {
	last := byte(0)
	for i := 0; i <= len(path); i++ {
		c := byte('/') // behind the end
		if i < len(path) {
			c = path[i]
		}
		switch {
		case c == '%' || c == ';' || c == '\\':
			return true
		case c == '/' && (last == '.' || last == '/' && i < len(path)):
			return true
		}
		last = c
	}
	return false
}

// unescape undoes escapes, once.
func unescape(path []byte) []byte {
	if bytes.IndexByte(path, '%') < 0 {
		return path
	}
	out := make([]byte, 0, len(path))
	for i := 0; i < len(path); {
		c, n, ok := octet(path[i:])
		if !ok {
			c, n = path[i], 1
		}
		out = append(out, c)
		i += n
	}
	return out
}

// unescapeUnicode undoes %u002F, as IIS and some libraries do.
func unescapeUnicode(path []byte) []byte {
	if !bytes.Contains(path, []byte("%u")) && !bytes.Contains(path, []byte("%U")) {
		return path
	}
	out := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		if c, ok := unicode(path[i:]); ok {
			out = append(out, c)
			i += len("%u002f") - 1
			continue
		}
		out = append(out, path[i])
	}
	return out
}

// unicode reads an escape of ASCII, or of its full-width form.
func unicode(b []byte) (c byte, ok bool) {
	if len(b) < len("%u002f") || b[0] != '%' || b[1]|0x20 != 'u' {
		return 0, false
	}
	value := 0
	for _, d := range b[2:6] {
		if digit(d) > 15 {
			return 0, false
		}
		value = value<<4 | int(digit(d))
	}
	if value > 0xff00 && value < 0xff5f {
		value -= 0xfee0
	}
	return byte(value), value < 0x80
}

// dropPercent takes out what begins an escape and is none.
func dropPercent(path []byte) []byte {
	if bytes.IndexByte(path, '%') < 0 {
		return path
	}
	out := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		if _, _, ok := octet(path[i:]); ok {
			out = append(out, path[i])
		}
	}
	return out
}

// cutPercent ends the path there, as readers do that stop at a fault.
func cutPercent(path []byte) []byte {
	for i := 0; ; i++ {
		next := bytes.IndexByte(path[i:], '%')
		if next < 0 {
			return path
		}
		i += next
		if _, _, ok := octet(path[i:]); !ok {
			return path[:i]
		}
	}
}

// shorten decodes UTF-8 without asking whether it had to be that long, nor
// whether what follows a first byte belongs to it.
func shorten(path []byte) []byte {
	if !slices.ContainsFunc(path, func(c byte) bool { return c >= 0xc0 }) {
		return path
	}
	out := make([]byte, 0, len(path))
	for i := 0; i < len(path); {
		c, n := sloppy(path[i:])
		out = append(out, c)
		i += n
	}
	return out
}

// sloppy is the ASCII character that b begins with to such a decoder, else its first byte.
func sloppy(b []byte) (c byte, n int) {
	first := b[0]
	for n = 0; n < 7 && first&(0x80>>n) != 0; n++ {
	}
	if n < 2 || n > len(b) {
		return first, 1
	}
	value := uint32(first & (0x7f >> n))
	for _, next := range b[1:n] {
		value = value<<6 | uint32(next&0x3f)
	}
	if value >= 0x80 {
		return first, 1
	}
	return byte(value), n
}

// narrow takes the full-width forms of ASCII (U+FF01 to U+FF5E) for ASCII, as compatibility normalization does.
func narrow(path []byte) []byte {
	if bytes.IndexByte(path, 0xef) < 0 {
		return path
	}
	out := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		if b := path[i:]; len(b) > 2 && b[0] == 0xef && (b[1] == 0xbc && b[2] > 0x80 && b[2] < 0xc0 || b[1] == 0xbd && b[2] >= 0x80 && b[2] < 0x9f) {
			out = append(out, (b[1]&1)<<6|b[2]&0x3f+0x20)
			i += 2
			continue
		}
		out = append(out, path[i])
	}
	return out
}

// slashes takes backslashes for slashes.
func slashes(path []byte) []byte {
	if bytes.IndexByte(path, '\\') < 0 {
		return path
	}
	return bytes.ReplaceAll(path, []byte{'\\'}, []byte{'/'})
}

// dropParameters takes what follows a semicolon out of each segment, as Java's servers do.
func dropParameters(path []byte) []byte {
	if bytes.IndexByte(path, ';') < 0 {
		return path
	}
	out, keep := make([]byte, 0, len(path)), true
	for _, c := range path {
		keep = c == '/' || keep && c != ';'
		if keep {
			out = append(out, c)
		}
	}
	return out
}

// cutParameters ends the path at a semicolon.
func cutParameters(path []byte) []byte { return cutAt(path, ";") }

// cutMarks ends it where another text would begin once it is unescaped: at NUL, a query or a fragment.
func cutMarks(path []byte) []byte { return cutAt(path, "\x00?#") }

func cutAt(path []byte, marks string) []byte {
	if i := bytes.IndexAny(path, marks); i >= 0 {
		return path[:i]
	}
	return path
}

// dropBlanks takes out what readers of URLs pass over (url.spec.whatwg.org, "URL parsing").
func dropBlanks(path []byte) []byte {
	if !bytes.ContainsAny(path, "\t\r\n") {
		return path
	}
	return slices.DeleteFunc(bytes.Clone(path), func(c byte) bool { return c == '\t' || c == '\r' || c == '\n' })
}

// resolve goes dot segments (RFC 3986 section 5.2.4).
func resolve(path []byte) []byte {
	if !bytes.Contains(path, []byte("/.")) {
		return path
	}
	out := make([]byte, 0, len(path))
	for rest := path; len(rest) > 0; {
		end := len(rest)
		if i := bytes.IndexByte(rest[1:], '/'); i >= 0 {
			end = i + 1
		}
		segment := rest[:end]
		rest = rest[end:]
		switch string(segment) {
		case "/..":
			out = out[:max(bytes.LastIndexByte(out, '/'), 0)]
		case "/.":
		default:
			out = append(out, segment...)
			continue
		}
		if len(rest) == 0 {
			out = append(out, '/')
		}
	}
	return out
}

// merge makes one slash of several.
func merge(path []byte) []byte {
	if !bytes.Contains(path, []byte("//")) {
		return path
	}
	out := make([]byte, 0, len(path))
	for i, c := range path {
		if c != '/' || i == 0 || path[i-1] != '/' {
			out = append(out, c)
		}
	}
	return out
}

// dropAuthority takes what follows two slashes for a host, as Node's new URL(request.url, base) does.
func dropAuthority(path []byte) []byte {
	if !bytes.HasPrefix(path, []byte("//")) {
		return path
	}
	rest := bytes.TrimLeft(path, "/") // a browser's parser, which Node's is, takes any number for two
	if i := bytes.IndexByte(rest, '/'); i >= 0 {
		return rest[i:]
	}
	return []byte{'/'}
}

// trimEnds takes dots and spaces off the ends of segments, as Windows does with names of files.
func trimEnds(path []byte) []byte {
	if !bytes.ContainsAny(path, ". ") {
		return path
	}
	out := make([]byte, 0, len(path))
	for i, segment := range bytes.Split(path, []byte{'/'}) {
		if i > 0 {
			out = append(out, '/')
		}
		if short := bytes.TrimRight(segment, ". "); len(short) > 0 {
			segment = short
		}
		out = append(out, segment...)
	}
	return out
}
