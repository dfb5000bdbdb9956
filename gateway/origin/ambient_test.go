package origin_test

import (
	"strings"
	"testing"

	"weir/codec/http1"
	"weir/gateway/origin"
)

func fieldsOf(lines string) (fields []http1.Field) {
	for line := range strings.SplitSeq(lines, "\n") {
		name, value, _ := strings.Cut(line, ": ")
		fields = append(fields, http1.Field{Name: []byte(name), Value: []byte(value)})
	}
	return fields
}

// TestAmbient: what a browser adds by itself, and what a program has to put into a request.
func TestAmbient(t *testing.T) {
	own := []string{"seat", "chair"}
	for lines, want := range map[string]bool{
		"Cookie: a=1":                        true,
		"cookie: seat=1; a":                  true,
		"Cookie: seat=1\nCookie: a=1":        true,
		"Cookie: seat =1":                    true,
		"Cookie: seat=1; chair=2":            false,
		"Cookie: ; seat=1;;":                 false,
		"Cookie: ":                           false,
		"Authorization: Basic YTpi":          true,
		"Authorization:  basic\tYTpi":        true,
		"AUTHORIZATION: Digest username=\"a": true,
		"Authorization: NTLM":                true,
		"Authorization: Negotiate YTpi":      true,
		"Authorization: Bearer t":            false,
		"Authorization: Basics t":            false,
		"Authorization: ":                    false,
		"X-API-Key: k\nHost: a":              false,
	} {
		fields := fieldsOf(lines)
		if got := origin.Ambient(fields, own); got != want {
			t.Errorf("%q: %v", lines, got)
		}
		if n := testing.AllocsPerRun(100, func() { origin.Ambient(fields, own) }); n != 0 {
			t.Errorf("%q: %v allocations", lines, n)
		}
	}
}
