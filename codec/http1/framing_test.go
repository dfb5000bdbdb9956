package http1_test

import (
	"testing"

	"weir/codec/http1"
)

func TestRequestBody(t *testing.T) {
	const head = "POST /upload HTTP/1.1\r\nHost: a\r\n"
	for _, c := range []struct {
		lines string
		want  http1.Framing
		none  bool
	}{
		{"", http1.Framing{}, true},
		{"Content-Length: 0\r\n", http1.Framing{}, true},
		{"content-length: 0005 \r\nExpect: 100-continue\r\n", http1.Framing{Length: 5}, false},
		{"Content-Length: 104857600\r\n", http1.Framing{Length: 100 << 20}, false},
		{"Transfer-Encoding: CHUNKED\r\n", http1.Framing{Chunked: true}, false},
		{"Transfer_Encoding: chunked\r\n", http1.Framing{}, true},
	} {
		var r http1.Request
		n, reason := parse(&r, head+c.lines+"\r\n", 0, limits)
		if n == 0 || r.Body != c.want || r.Body.None() != c.none || r.AsksUpgrade() {
			t.Errorf("%q: n=%d %q %+v", c.lines, n, reason, r.Body)
		}
		if refusal := r.CheckUpgrade(); refusal != http1.NotUpgrade {
			t.Errorf("%q: as a handshake: %v", c.lines, refusal)
		}
		r.Reset()
		if !r.Body.None() {
			t.Errorf("%q: Reset leaves %+v", c.lines, r.Body)
		}
	}
}
