package route

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// A path is one that is written out, one with all below it, or an expression.
type path struct {
	text  string // in its normal form; of a prefix, without the slash at its end
	below bool
	like  *regexp.Regexp
}

func parseExact(text string) (path, error) {
	normal, err := checkPath(text)
	return path{text: normal}, err
}

func parsePrefix(text string) (path, error) {
	normal, err := checkPath(text)
	return path{text: strings.TrimSuffix(normal, "/"), below: true}, err
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
		return "", fmt.Errorf("%q can never match; requests with dot segments, escaped slashes or malformed escapes are refused", text)
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
	return path{text: text, like: like}, err
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
