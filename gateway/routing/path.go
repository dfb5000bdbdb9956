package routing

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"weir/codec/http1"
)

// A path is one that is written out, one with all below it, or an expression.
type path struct {
	text  string // in its normal form; of a prefix, without the slash at its end
	plain string // without escapes
	below bool
	like  *regexp.Regexp
	loose *regexp.Regexp // the same without regard to case
}

func parseExact(text string) (path, error) {
	normal, err := checkPath(text)
	return path{text: normal, plain: string(unescape([]byte(normal)))}, err
}

func parsePrefix(text string) (path, error) {
	normal, err := checkPath(text)
	normal = strings.TrimSuffix(normal, "/")
	return path{text: normal, plain: string(unescape([]byte(normal))), below: true}, err
}

func checkPath(text string) (string, error) {
	switch {
	case !strings.HasPrefix(text, "/"):
		return "", fmt.Errorf("%q is not a path; it begins with /", text)
	case strings.ContainsAny(text, "?#"):
		return "", fmt.Errorf("%q is more than a path; what follows ? is for query", text)
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", fmt.Errorf("%q holds what no request's path can; escape it, as in %%20 or %%C3%%A9", text)
	case Ambiguous([]byte(text)):
		return "", fmt.Errorf("%q can never match, as servers read it in different ways; leave out dot segments, ;, \\, // and escapes of these, of / and of bytes that are no UTF-8", text)
	}
	return string(Normal([]byte(text))), nil
}

// parseRegexp compiles the text by itself first, as "a)(b" is well only inside our brackets.
func parseRegexp(text string) (path, error) {
	if text == "" {
		return path{}, errors.New("the expression is empty")
	}
	if _, err := regexp.Compile(text); err != nil {
		return path{}, fmt.Errorf("%q is not a regular expression: %w", text, err)
	}
	like, err := regexp.Compile(`\A(?:` + text + `)\z`)
	if err != nil {
		return path{}, err
	}
	loose, err := regexp.Compile(`(?i)\A(?:` + text + `)\z`)
	return path{text: text, like: like, loose: loose}, err
}

func (p path) String() string {
	switch {
	case p.like != nil:
		return "like " + p.text
	case p.below:
		return "below " + p.text + "/"
	}
	return p.text
}

func (p *path) is(b []byte) bool {
	switch {
	case p.like != nil:
		return p.like.Match(b)
	case p.below:
		n := len(p.text)
		return len(b) >= n && string(b[:n]) == p.text && (len(b) == n || b[n] == '/')
	}
	return string(b) == p.text
}

// A reading is what a path can be read as.
type reading struct {
	bare    []byte // without a slash at its end
	slashed []byte // with one, in the normal form, once an expression asks for it
}

// mayBe tells whether a server could take the reading for the path: some do not
// look at case, nor at a slash at the end.
func (p *path) mayBe(r *reading) bool {
	if p.like == nil {
		return p.startsLike(p.text, r.bare) || p.startsLike(p.plain, r.bare)
	}
	if p.loose.Match(r.bare) {
		return true
	}
	if r.slashed == nil {
		r.slashed = append(escape(r.bare), '/')
	}
	return p.loose.Match(r.slashed) || p.loose.Match(r.slashed[:len(r.slashed)-1])
}

func (p *path) startsLike(text string, bare []byte) bool {
	if !p.below {
		return http1.Same(bare, strings.TrimSuffix(text, "/"))
	}
	n := len(text)
	return len(bare) >= n && (len(bare) == n || bare[n] == '/') && http1.Same(bare[:n], text)
}

// escape writes a reading in the normal form, which expressions are written for.
func escape(reading []byte) []byte {
	out := make([]byte, 0, len(reading))
	for _, c := range reading {
		if c <= ' ' || c >= 0x7f || c == '%' || c == '?' || c == '#' {
			out = append(out, '%', upperHex[c>>4], upperHex[c&15])
			continue
		}
		out = append(out, c)
	}
	return out
}
