package http1_test

import (
	"strings"
	"testing"

	"weir/codec/http1"
)

func body(t *testing.T, head string) (b http1.Body, reason string) {
	t.Helper()
	var r http1.Response
	if _, reason := parseResponse(&r, head, 0); reason != "" {
		t.Fatal(reason)
	}
	b, fault := r.Body()
	if fault != nil {
		return b, fault.Reason
	}
	return b, ""
}

func TestBodyFraming(t *testing.T) {
	const noLength, ended, open = "until close", "ended", "open"
	for _, c := range []struct{ name, head, want string }{
		{"nothing said", answer("X: a"), noLength},
		{"length", answer("Content-Length: 3"), open},
		{"length zero", answer("Content-Length: 0"), ended},
		{"chunked", answer("Transfer-Encoding: Chunked"), open},
		{"101", rfcResponse, ended},
		{"100", "HTTP/1.1 100 Continue\r\nContent-Length: 3\r\n\r\n", ended},
		{"204", "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n", ended},
		{"304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", ended},
		{"1.0", "HTTP/1.0 404 Not Found\r\n\r\n", noLength},
		{"largest length", answer("Content-Length: 922337203685477579"), open},

		{"equal lengths", answer("Content-Length: 3\r\nContent-Length: 3"), open},
		{"list of equal lengths", answer("Content-Length: 3, 3"), open},
		{"equal lengths of zero", answer("Content-Length: 0\r\nContent-Length: 0"), ended},
		{"two lengths", answer("Content-Length: 3\r\nContent-Length: 4"), "backend_bad_content_length"},
		{"list of lengths", answer("Content-Length: 3, 4"), "backend_bad_content_length"},
		{"no number", answer("Content-Length: 0x3"), "backend_bad_content_length"},
		{"signed", answer("Content-Length: -3"), "backend_bad_content_length"},
		{"empty", answer("Content-Length:"), "backend_bad_content_length"},
		{"overflow", answer("Content-Length: 18446744073709551617"), "backend_bad_content_length"},
		{"coding and length", answer("Transfer-Encoding: chunked\r\nContent-Length: 3"), "backend_bad_transfer_encoding"},
		{"two codings", answer("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), "backend_bad_transfer_encoding"},
		{"gzip, chunked", answer("Transfer-Encoding: gzip, chunked"), "backend_bad_transfer_encoding"},
		{"identity", answer("Transfer-Encoding: identity"), "backend_bad_transfer_encoding"},
		{"1.0 chunked", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "backend_bad_transfer_encoding"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, got := body(t, c.head)
			if got == "" {
				got = open
				if b.UntilClose() {
					got = noLength
				}
				if n, done, err := b.Scan(nil); n != 0 || err != nil {
					t.Fatalf("empty: n=%d %v", n, err)
				} else if done {
					got = ended
				}
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// Each stream is the body and what comes after, told apart at every pair of splits.
func TestBodyScan(t *testing.T) {
	const counted, chunked, open = "Content-Length: 5", "Transfer-Encoding: chunked", "X: a"
	long := strings.Repeat("x", 5000)
	for _, c := range []struct {
		name, fields, body, after string
		done, bad                 bool
	}{
		{"counted", counted, "hello", "more", true, false},
		{"counted, cut", counted, "hell", "", false, false},
		{"until close", open, "hello and more", "", false, false},
		{"chunked", chunked, "5\r\nhello\r\n0\r\n\r\n", "more", true, false},
		{"upper, lower, zeros", chunked, "00B\r\nhello world\r\n0a\r\nhello worl\r\n000\r\n\r\n", "0\r\n\r\n", true, false},
		{"extensions", chunked, "5;a=b ;c=\"d;\"\r\nhello\r\n0 ;x\r\n\r\n", "more", true, false},
		{"trailers", chunked, "1\r\nh\r\n0\r\nX: a\r\nY: b\r\n\r\n", "more", true, false},
		{"chunked, cut", chunked, "5\r\nhello\r\n0\r\n\r", "", false, false},

		{"no size", chunked, "", "\r\nhello\r\n", false, true},
		{"no digit", chunked, "", "g\r\n", false, true},
		{"sign", chunked, "", "+5\r\n", false, true},
		{"prefix", chunked, "0", "x5\r\nhello\r\n", false, true},
		{"16 digits", chunked, "000000000000000", "0\r\n\r\n", false, true},
		{"bare LF behind a size", chunked, "5", "\nhello\r\n", false, true},
		{"bare LF behind an extension", chunked, "5;a", "\nhello\r\n", false, true},
		{"bare CR", chunked, "5\r", "hello\r\n", false, true},
		{"control in an extension", chunked, "5;", "\x00\r\nhello\r\n", false, true},
		{"longer than said", chunked, "4\r\nhell", "o\r\n", false, true},
		{"bare LF behind data", chunked, "5\r\nhello", "\n0\r\n", false, true},
		{"fold in trailers", chunked, "0\r\nX: a\r\n", " b\r\n\r\n", false, true},
		{"bare LF in trailers", chunked, "0\r\nX: a", "\n\r\n", false, true},
		{"bare CR at the end", chunked, "0\r\n\r", "0", false, true},
		{"endless extension", chunked, "5;" + long[:4094], long, false, true},
		{"endless trailers", chunked, "0\r\n" + strings.Repeat("X: a\r\n", 682) + "X: a", "\r\n", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			stream := c.body + c.after
			for at := range len(stream) + 1 {
				b, reason := body(t, answer(c.fields))
				if reason != "" {
					t.Fatal(reason)
				}
				n, done, err := b.Scan([]byte(stream[:at]))
				if n == at && !done && err == nil {
					var more int
					more, done, err = b.Scan([]byte(stream[at:]))
					n += more
				}
				if n != len(c.body) || done != c.done || (err != nil) != c.bad {
					t.Fatalf("split at %d: n=%d done=%v %v; want n=%d", at, n, done, err, len(c.body))
				}
				if done {
					if n, done, err := b.Scan([]byte("x")); n != 0 || !done || err != nil {
						t.Fatalf("behind the end: n=%d done=%v %v", n, done, err)
					}
				}
			}
		})
	}
}
