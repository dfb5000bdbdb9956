//go:build linux

package peers

import (
	"bytes"
	"strings"
	"testing"
)

// Lines are told apart wherever writes end, and one without an end is not kept for ever.
func TestLines(t *testing.T) {
	const text = "one\ntaken 1\ntwo\n\ntaken 2\nthe last"
	for at := range text {
		var on bytes.Buffer
		taken := 0
		l := lines{on: &on, take: func(line []byte) bool {
			if bytes.HasPrefix(line, []byte("taken")) {
				taken++
				return true
			}
			return false
		}}
		for _, part := range []string{text[:at], text[at:], "\n"} {
			if n, err := l.Write([]byte(part)); n != len(part) || err != nil {
				t.Fatal(n, err)
			}
		}
		if on.String() != "one\ntwo\n\nthe last\n" || taken != 2 {
			t.Errorf("cut at %d: %q, %d taken", at, on.String(), taken)
		}
		_, _ = l.Write([]byte(strings.Repeat("x", 2*longestLine)))
		if len(l.rest) > longestLine {
			t.Errorf("%d bytes are kept", len(l.rest))
		}
	}
}
