package origin

import (
	"bytes"
	"slices"

	"weir/codec/http1"
)

// addedByBrowsers are the schemes of Authorization whose credentials a browser remembers and sends for any page. All others, as
// Bearer, are in a request because a program put them there.
var addedByBrowsers = [...]string{"Basic", "Digest", "NTLM", "Negotiate"}

// Ambient tells whether there is a credential among the fields that a browser adds by itself, whichever page asks: a cookie,
// but for those called as one of own, or a password. What has no form that a browser gives it counts as one.
func Ambient(fields []http1.Field, own []string) bool {
	for i := range fields {
		switch f := &fields[i]; {
		case http1.Same(f.Name, "cookie"):
			if hasOther(f.Value, own) {
				return true
			}
		case http1.Same(f.Name, "authorization"):
			scheme, _, _ := bytes.Cut(bytes.TrimLeft(f.Value, " \t"), []byte{' '})
			scheme, _, _ = bytes.Cut(scheme, []byte{'\t'})
			if slices.ContainsFunc(addedByBrowsers[:], func(known string) bool { return http1.Same(scheme, known) }) {
				return true
			}
		}
	}
	return false
}

// hasOther tells whether a Cookie field (RFC 6265 section 4.2) has cookies besides own.
func hasOther(list []byte, own []string) bool {
	for len(list) > 0 {
		var pair []byte
		pair, list, _ = bytes.Cut(list, []byte{';'})
		pair = bytes.Trim(pair, " \t")
		name, _, _ := bytes.Cut(pair, []byte{'='})
		if len(pair) > 0 && !slices.ContainsFunc(own, func(ours string) bool { return string(name) == ours }) {
			return true
		}
	}
	return false
}
