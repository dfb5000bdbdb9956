package config

import (
	"fmt"
	"math"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"weir/internal/bytesize"
)

// Size is a number of bytes. As text: plain bytes or a binary multiple, as in
// "65536", "64KiB", "1MiB", "2GiB" ("64K" and "64KB" are taken to mean 64KiB).
type Size int64

func (s Size) String() string { return bytesize.Text(int64(s)) }

// UnmarshalText sets s, or fails on what is no size or is negative.
func (s *Size) UnmarshalText(text []byte) error {
	number, _, unit, ok := bytesize.Cut(string(text))
	n, err := strconv.ParseInt(strings.TrimRight(number, " "), 10, 64)
	if err != nil || !ok || n < 0 || n > math.MaxInt64/unit {
		return fmt.Errorf("%q is not a size; write bytes or a multiple such as 64KiB or 1MiB", text)
	}
	*s = Size(n * unit)
	return nil
}

// HashBy is the part of a request that chooses the backend.
type HashBy string

const (
	HashClientIP HashBy = "client-ip"
	HashPath     HashBy = "path"
	HashHeader   HashBy = "header" // needs a name, as do the next two
	HashCookie   HashBy = "cookie"
	HashQuery    HashBy = "query"
	HashClaim    HashBy = "claim" // of a token
	HashRandom   HashBy = "random"
)

// HashOn says what a client's choice of backend hangs on. As text: "path",
// "header:X-User", ...
type HashOn struct {
	By   HashBy
	Name string // of the header (canonical), cookie or query parameter
}

func (h HashOn) String() string {
	if h.Name == "" {
		return string(h.By)
	}
	return string(h.By) + ":" + h.Name
}

// UnmarshalText sets h, or fails on an unknown kind or a name missing or unasked.
func (h *HashOn) UnmarshalText(text []byte) error {
	by, name, named := strings.Cut(string(text), ":")
	parsed := HashOn{By: HashBy(by), Name: name}
	switch parsed.By {
	case HashHeader:
		if name != "" && !httpguts.ValidHeaderFieldName(name) {
			return fmt.Errorf("%q is not a header's name", name)
		}
		parsed.Name = textproto.CanonicalMIMEHeaderKey(name)
		fallthrough
	case HashCookie, HashQuery, HashClaim:
		if name == "" {
			return fmt.Errorf("%q lacks a name; write %s:NAME", text, by)
		}
	case HashClientIP, HashPath, HashRandom:
		if named {
			return fmt.Errorf("%q takes no name; write %s", text, by)
		}
	default:
		return fmt.Errorf("%q is not client-ip, path, header:NAME, cookie:NAME, query:NAME, claim:NAME or random", text)
	}
	*h = parsed
	return nil
}

// AccessLog is the form of the lines for sessions opened and closed.
type AccessLog string

const (
	AccessText AccessLog = "text"
	AccessJSON AccessLog = "json"
	AccessOff  AccessLog = "off"
)

// UnmarshalText sets a, or fails on a form that is not known.
func (a *AccessLog) UnmarshalText(text []byte) error {
	return choose(a, text, AccessText, AccessJSON, AccessOff)
}

// choose sets choice, or fails on a text that is none of words.
func choose[T ~string](choice *T, text []byte, words ...T) error {
	if slices.Contains(words, T(text)) {
		*choice = T(text)
		return nil
	}
	all := string(words[0])
	for _, word := range words[1 : len(words)-1] {
		all += ", " + string(word)
	}
	return fmt.Errorf("%q is not %s or %s", text, all, words[len(words)-1])
}
