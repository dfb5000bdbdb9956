package http1_test

import (
	"fmt"
	"strings"
	"testing"

	"weir/codec/http1"
)

var limits = http1.Limits{Head: 2 << 10, Fields: 100, Path: 300} // a small head, as every split of it is tried

// The example of RFC 6455 section 1.2.
const rfcRequest = "GET /chat HTTP/1.1\r\n" +
	"Host: server.example.com\r\n" +
	"Upgrade: websocket\r\n" +
	"Connection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
	"Origin: http://example.com\r\n" +
	"Sec-WebSocket-Protocol: chat, superchat\r\n" +
	"Sec-WebSocket-Version: 13\r\n" +
	"\r\n"

const browserRequest = "GET /ws/room/42?token=s3cret&v=2 HTTP/1.1\r\n" +
	"Host: chat.example.com:8080\r\n" +
	"Connection: keep-alive, Upgrade\r\n" +
	"Pragma: no-cache\r\n" +
	"Cache-Control: no-cache\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36\r\n" +
	"Upgrade: websocket\r\n" +
	"Origin: https://chat.example.com\r\n" +
	"Sec-WebSocket-Version: 13\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
	"Accept-Language: en-GB,en;q=0.9\r\n" +
	"Cookie: theme=dark; sid=abc=def; empty=\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
	"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" +
	"\r\n"

// parse delivers head in two parts, the second in another place, and gives the reason of a refusal.
func parse(r *http1.Request, head string, at int, lim http1.Limits) (n int, reason string) {
	r.Reset()
	n, refusal := r.Parse([]byte(head[:at]), lim)
	if n == 0 && refusal == nil {
		n, refusal = r.Parse([]byte(head), lim)
	}
	if refusal != nil {
		return n, refusal.Reason
	}
	return n, ""
}

func upgrade(head string) (r *http1.Request, reason string) {
	r = new(http1.Request)
	n, reason := parse(r, head, len(head), limits)
	if reason != "" || n == 0 {
		return r, reason
	}
	if refusal := r.CheckUpgrade(); refusal != nil {
		return r, refusal.Reason
	}
	return r, ""
}

func show(r *http1.Request) string {
	s := fmt.Sprintf("%s %s path=%s query=%s host=%s key=%s", r.Method, r.Target, r.Path, r.Query, r.Host, r.Key)
	if !r.Body.None() {
		s += fmt.Sprintf(" body=%+v", r.Body)
	}
	return s + showFields(r.Fields)
}

func showFields(fields []http1.Field) (s string) {
	for _, f := range fields {
		s += fmt.Sprintf("|%s=%s", f.Name, f.Value)
	}
	return s
}

func TestRequest(t *testing.T) {
	r, reason := upgrade(rfcRequest)
	if reason != "" {
		t.Fatal("refused:", reason)
	}
	want := "GET /chat path=/chat query= host=server.example.com key=dGhlIHNhbXBsZSBub25jZQ==" +
		"|Host=server.example.com|Upgrade=websocket|Connection=Upgrade|Sec-WebSocket-Key=dGhlIHNhbXBsZSBub25jZQ==" +
		"|Origin=http://example.com|Sec-WebSocket-Protocol=chat, superchat|Sec-WebSocket-Version=13"
	if got := show(r); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if accept := http1.Accept(r.Key); string(accept[:]) != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Errorf("accept %s", accept)
	}
}

func TestRequestEarlyBytes(t *testing.T) {
	var r http1.Request
	n, refusal := r.Parse([]byte(rfcRequest+"\x81\x80\x00\x00\x00\x00"), limits)
	if n != len(rfcRequest) || refusal != nil {
		t.Fatalf("n=%d %v, want %d", n, refusal, len(rfcRequest))
	}
}

func TestRequestLookups(t *testing.T) {
	r, reason := upgrade(strings.Replace(browserRequest, "Pragma: no-cache", "Empty:\r\nCookie: sid=second; only=here", 1))
	if reason != "" {
		t.Fatal("refused:", reason)
	}
	for _, c := range []struct {
		what string
		got  []byte
		want string // "-" for none
	}{
		{"get", r.Get("oRIGIN"), "https://chat.example.com"},
		{"get empty", r.Get("Empty"), ""},
		{"get none", r.Get("Origi"), "-"},
		{"cookie first", r.Cookie("sid"), "second"},
		{"cookie other field", r.Cookie("theme"), "dark"},
		{"cookie with =", r.Cookie("only"), "here"},
		{"cookie empty", r.Cookie("empty"), ""},
		{"cookie case", r.Cookie("Theme"), "-"},
		{"cookie prefix", r.Cookie("the"), "-"},
		{"param", r.QueryParam("v"), "2"},
		{"param none", r.QueryParam("tok"), "-"},
		{"param of nothing", new(http1.Request).QueryParam("v"), "-"},
	} {
		got := string(c.got)
		if c.got == nil {
			got = "-"
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

// with puts lines in front of the last one of the RFC's request; without takes a field out.
func with(lines string) string { return strings.TrimSuffix(rfcRequest, "\r\n") + lines + "\r\n\r\n" }

func without(name string) string {
	from := strings.Index(rfcRequest, name+":")
	return rfcRequest[:from] + rfcRequest[from+strings.Index(rfcRequest[from:], "\r\n")+2:]
}

func line(s string) string { return s + rfcRequest[strings.Index(rfcRequest, "\r\n"):] }

func host(s string) string { return strings.Replace(rfcRequest, "server.example.com", s, 1) }

var requests = []struct{ name, head, reason string }{
	{"as in the RFC", rfcRequest, ""},
	{"browser", browserRequest, ""},
	{"tab around a value", with("X:\t a\tb \t"), ""},
	{"obs-text in a value", with("X: caf\xe9 \xff"), ""},
	{"empty value", with("X:"), ""},
	{"query as browsers send it", line(`GET /?q={"a":[1|2]}&x=<^>\ HTTP/1.1`), ""},
	{"length zero", with("Content-Length: 0"), ""},
	{"what net/http adds to", with("Pragma: no-cache"), ""},
	{"host and port", host("a-b_c.example:65535"), ""},
	{"host with a final dot", host("a.b."), ""},
	{"host as long as can be", host(strings.Repeat("a.", 126) + "a:80"), ""},
	{"host of IPv6", host("[2001:db8::1]:80"), ""},
	{"host of IPv6 alone", host("[::ffff:192.0.2.1]"), ""},

	{"TLS hello", "\x16\x03\x01\x02\x00", "bad_request_line"},
	{"empty line with a space", " \r\n" + rfcRequest, "bad_request_line"},
	{"empty line of LF", "\n" + rfcRequest, "bad_request_line"},
	{"empty line of CR", "\r" + rfcRequest, "bare_cr"},
	{"leading space", " " + rfcRequest, "bad_request_line"},
	{"no version", line("GET /"), "bad_request_line"},
	{"no target", line("GET HTTP/1.1"), "bad_request_line"},
	{"two spaces after the method", line("GET  / HTTP/1.1"), "bad_target"},
	{"two spaces before the version", line("GET /  HTTP/1.1"), "bad_target"},
	{"space after the version", line("GET / HTTP/1.1 "), "bad_request_line"},
	{"tab for space", line("GET\t/ HTTP/1.1"), "bad_request_line"},
	{"method", line("G(T / HTTP/1.1"), "bad_method"},
	{"space in target", line("GET /a b HTTP/1.1"), "bad_target"},
	{"absolute target", line("GET http://server.example.com/ HTTP/1.1"), ""},
	{"absolute target without a host", line("GET http:///a HTTP/1.1"), "bad_target"},
	{"absolute target with a user", line("GET http://a@b/ HTTP/1.1"), "bad_target"},
	{"absolute target of another scheme", line("GET ftp://server.example.com/ HTTP/1.1"), "bad_target"},
	{"absolute target with a backslash", line(`GET http://a\b/ HTTP/1.1`), "bad_target"},
	{"absolute target and a bad Host", "GET http://a/ HTTP/1.1\r\nHost: a/b\r\n\r\n", "bad_host"},
	{"absolute target and no Host", "GET http://a/ HTTP/1.1\r\n\r\n", "no_host"},
	{"long path", line("GET /" + strings.Repeat("a", limits.Path) + " HTTP/1.1"), "path_too_long"},
	{"longest path", line("GET /" + strings.Repeat("a", limits.Path-1) + "?" + strings.Repeat("b", limits.Path) + " HTTP/1.1"), ""},
	{"CONNECT", line("CONNECT server.example.com:80 HTTP/1.1"), "method_connect"},
	{"CONNECT to a path", line("CONNECT / HTTP/1.1"), "method_connect"},
	{"authority target", line("GET server.example.com:80 HTTP/1.1"), "bad_target"},
	{"asterisk target", line("OPTIONS * HTTP/1.1"), "bad_target"},
	{"fragment", line("GET /#a HTTP/1.1"), "bad_target"},
	{"raw UTF-8 target", line("GET /\xc3\xa9 HTTP/1.1"), "bad_target"},
	{"tab in target", line("GET /a\tb HTTP/1.1"), "bad_target"},
	{"HTTP/1.0", line("GET / HTTP/1.0"), ""},
	{"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", ""},
	{"HTTP/1.0 with chunks", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "bad_transfer_encoding"},
	{"HTTP/0.9", line("GET / HTTP/0.9"), "bad_http_version"},
	{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "bad_http_version"},
	{"HTTP/1.2", line("GET / HTTP/1.2"), "bad_http_version"},
	{"http/1.1", line("GET / http/1.1"), "bad_request_line"},
	{"HTTP/1.1x", line("GET / HTTP/1.1x"), "bad_request_line"},
	{"HTTP/11", line("GET / HTTP/011"), "bad_request_line"},

	{"bare LF", with("X: a\nY: b"), "bare_lf"},
	{"bare LF in the request line", "GET / HTTP/1.1\n", "bare_lf"},
	{"bare LF at the end", strings.TrimSuffix(rfcRequest, "\r\n") + "\n", "bare_lf"},
	{"bare CR", with("X: a\rY: b"), "bare_cr"},
	{"CR CR LF", with("X: a\r"), "bare_cr"},
	{"NUL", with("X: a\x00b"), "control_byte"},
	{"NUL in a name", with("X\x00: a"), "control_byte"},
	{"escape", with("X: \x1b[31m"), "control_byte"},
	{"delete", with("X: a\x7f"), "control_byte"},
	{"control in target", line("GET /\x01 HTTP/1.1"), "control_byte"},
	{"fold", with("X: a\r\n b"), "obs_fold"},
	{"fold with tab", with("X: a\r\n\tb"), "obs_fold"},
	{"fold at once", line("GET / HTTP/1.1\r\n X: a"), "obs_fold"},
	{"line of spaces", with("X: a\r\n  "), "obs_fold"},
	{"space before colon", with("X : a"), "space_before_colon"},
	{"tab before colon", with("Transfer-Encoding\t: chunked"), "space_before_colon"},
	{"empty name", with(": a"), "bad_field_name"},
	{"no colon", with("X"), "bad_field_name"},
	{"space in a name", with("X Y: a"), "bad_field_name"},
	{"bracket in a name", with("X[]: a"), "bad_field_name"},
	{"UTF-8 in a name", with("\xc3\xa9: a"), "bad_field_name"},

	{"no Host", without("Host"), "no_host"},
	{"two Hosts", with("host: server.example.com"), "duplicate_host"},
	{"empty Host", host(""), "bad_host"},
	{"Host of an empty label", host("a..b"), "bad_host"},
	{"Host of an empty first label", host(".a"), "bad_host"},
	{"Host with two final dots", host("a.."), "bad_host"},
	{"Host of a dot", host("."), "bad_host"},
	{"Host longer than a name", host(strings.Repeat("a.", 127) + "a"), "bad_host"},
	{"Host with user", host("a@b"), "bad_host"},
	{"Host with path", host("a/b"), "bad_host"},
	{"Host with space", host("a b"), "bad_host"},
	{"Host as a list", host("a,b"), "bad_host"},
	{"Host of two ports", host("a:1:2"), "bad_host"},
	{"Host without name", host(":80"), "bad_host"},
	{"Host of an empty port", host("a:"), ""},
	{"Host of an empty port alone", host(":"), "bad_host"},
	{"Host of a big port", host("a:65536"), "bad_host"},
	{"Host of a signed port", host("a:+80"), "bad_host"},
	{"Host of bare IPv6", host("::1"), "bad_host"},
	{"Host of open IPv6", host("[::1"), "bad_host"},
	{"Host of IPv4 in brackets", host("[127.0.0.1]"), "bad_host"},
	{"Host with zone", host("[fe80::1%25eth0]"), "bad_host"},
	{"Host of IPv6 and rest", host("[::1]x"), "bad_host"},

	{"body", with("Content-Length: 5"), ""},
	{"longest body", with("Content-Length: 922337203685477579"), ""},
	{"chunked", with("transfer-encoding: Chunked"), ""},
	{"equal lengths", with("Content-Length: 5\r\ncontent-length: 5"), ""},
	{"list of equal lengths", with("Content-Length: 5 ,\t5,5"), ""},
	{"two lengths", with("Content-Length: 5\r\nContent-Length: 6"), "duplicate_content_length"},
	{"list of lengths", with("Content-Length: 5, 6"), "duplicate_content_length"},
	{"two lengths and a coding", with("Content-Length: 0\r\ncontent-length: 0\r\nTransfer-Encoding: chunked"), "length_and_transfer_encoding"},
	{"signed length", with("Content-Length: +0"), "bad_content_length"},
	{"negative length", with("Content-Length: -1"), "bad_content_length"},
	{"list with an empty length", with("Content-Length: 5,"), "bad_content_length"},
	{"no length", with("Content-Length:"), "bad_content_length"},
	{"hexadecimal length", with("Content-Length: 0x5"), "bad_content_length"},
	{"length with a dot", with("Content-Length: 5.0"), "bad_content_length"},
	{"length of 2^63", with("Content-Length: 9223372036854775808"), "bad_content_length"},
	{"length of 2^64", with("Content-Length: 18446744073709551616"), "bad_content_length"},
	{"length and coding", with("Content-Length: 0\r\nTransfer-Encoding: chunked"), "length_and_transfer_encoding"},
	{"coding and length", with("Transfer-Encoding: identity\r\nContent-Length: 5"), "length_and_transfer_encoding"},
	{"identity", with("transfer-encoding: identity"), "bad_transfer_encoding"},
	{"no coding", with("Transfer-Encoding:"), "bad_transfer_encoding"},
	{"gzip, chunked", with("Transfer-Encoding: gzip, chunked"), "bad_transfer_encoding"},
	{"chunked, identity", with("Transfer-Encoding: chunked, identity"), "bad_transfer_encoding"},
	{"quoted coding", with(`Transfer-Encoding: "chunked"`), "bad_transfer_encoding"},
	{"vertical tab and coding", with("Transfer-Encoding: \vchunked"), "control_byte"},
	{"coding with a parameter", with("Transfer-Encoding: chunked;a=b"), "bad_transfer_encoding"},
	{"two codings", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), "bad_transfer_encoding"},
	{"coding after another", with("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"), "bad_transfer_encoding"},
	{"100 options", with("Connection: " + strings.Repeat("a,", 99)), "too_many_fields"},
	{"too many fields", with(strings.Repeat("X: a\r\n", 93) + "X: a"), "too_many_fields"},
	{"as many fields as may be", with(strings.Repeat("X: a\r\n", 92) + "X: a"), ""},
	{"too large", with("X: " + strings.Repeat("a", limits.Head)), "head_too_large"},
	{"too large a line", "GET /" + strings.Repeat("a", limits.Head), "head_too_large"},
}

// Whatever the split, the outcome is the same, and nothing but the whole head is taken for one.
func TestRequestSplits(t *testing.T) {
	for _, c := range requests {
		t.Run(c.name, func(t *testing.T) {
			whole, part := new(http1.Request), new(http1.Request)
			n, reason := parse(whole, c.head, len(c.head), limits)
			if reason != c.reason {
				t.Fatalf("got %q, want %q", reason, c.reason)
			}
			if c.reason == "" && n != len(c.head) {
				t.Fatalf("n=%d, want %d", n, len(c.head))
			}
			for at := range c.head {
				m, reason := parse(part, c.head, at, limits)
				if m != n || reason != c.reason || reason == "" && show(part) != show(whole) {
					t.Fatalf("split at %d: n=%d %q %s", at, m, reason, show(part))
				}
			}
		})
	}
}

// Byte by byte, a fault is seen with the byte that makes it, not at the end of the head.
func TestRequestFaultsAtOnce(t *testing.T) {
	for _, c := range []struct{ head, reason string }{
		{"\x16", "bad_request_line"},
		{"\r\r", "bare_cr"},
		{"\r\n\x16", "bad_request_line"},
		{"GET / HTTP/1.1\n", "bare_lf"},
		{"GET / HTTP/1.1\r\nX: a\n", "bare_lf"},
		{"GET / HTTP/1.1\r\nX: a\rb", "bare_cr"},
		{"GET / HTTP/1.1\r\nX: \x00", "control_byte"},
		{"GET / HTTP/2.0\r\n", "bad_http_version"},
	} {
		var r http1.Request
		for end := 0; end <= len(c.head); end++ {
			_, refusal := r.Parse([]byte(c.head[:end]), limits)
			if end < len(c.head) && refusal != nil {
				t.Errorf("%q: refused as %s", c.head[:end], refusal.Reason)
				break
			}
			if end == len(c.head) && (refusal == nil || refusal.Reason != c.reason) {
				t.Errorf("%q: %v, want %s", c.head, refusal, c.reason)
			}
		}
	}
}

func TestHeadLimit(t *testing.T) {
	var r http1.Request
	for _, c := range []struct {
		lim  int
		want string
	}{{len(rfcRequest), ""}, {len(rfcRequest) - 1, "head_too_large"}, {0, "head_too_large"}} {
		for at := range rfcRequest {
			if _, reason := parse(&r, rfcRequest, at, http1.Limits{Head: c.lim, Fields: 7}); reason != c.want {
				t.Fatalf("limit %d, split at %d: %q, want %q", c.lim, at, reason, c.want)
			}
		}
	}
}

// A head that fills its limit without an end is refused then, not with a further byte.
func TestHeadLimitAtOnce(t *testing.T) {
	head := rfcRequest[:100]
	var r http1.Request
	if n, reason := parse(&r, head[:99], 99, http1.Limits{Head: 100, Fields: 7}); n != 0 || reason != "" {
		t.Errorf("one byte is left: n=%d %q", n, reason)
	}
	if _, reason := parse(&r, head, 100, http1.Limits{Head: 100, Fields: 7}); reason != "head_too_large" {
		t.Errorf("full: %q", reason)
	}
}

// A head that trickles in costs no more than one that comes at once: what was looked at is overwritten with bytes
// that would be refused if they were looked at again.
func TestTrickledBytesAreReadOnce(t *testing.T) {
	const value = 1 << 10
	head := []byte(with("X: " + strings.Repeat("a", value)))
	from := len(head) - value - len("\r\n\r\n")
	var r http1.Request
	for end := 1; end <= len(head); end++ {
		if past := end - 2; past > from && past < from+value-1 {
			head[past] = '\n'
		}
		n, refusal := r.Parse(head[:end], limits)
		if refusal != nil || (n == 0) != (end < len(head)) {
			t.Fatalf("at %d: n=%d %v", end, n, refusal)
		}
	}
}

// What others might read in another way, or not at all, is written as it was understood.
func TestUnusual(t *testing.T) {
	const fields = "|X=a"
	for _, c := range []struct{ name, head, want, out string }{
		{"usual", "GET /a?b HTTP/1.1\r\nHost: h:80\r\nX: a\r\n\r\n", "GET /a?b path=/a query=b host=h:80 key=|Host=h:80" + fields, ""},
		{"empty lines", "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\nX: a\r\n\r\n", "GET / path=/ query= host=h key=|Host=h" + fields, "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n\r\n"},
		{"absolute", "GET HTTP://h:81/a?b HTTP/1.1\r\nHost: other\r\nX: a\r\n\r\n", "GET /a?b path=/a query=b host=h:81 key=|Host=other" + fields, "GET /a?b HTTP/1.1\r\nHost: h:81\r\nX: a\r\n\r\n"},
		{"absolute without path", "GET https://h HTTP/1.1\r\nX: a\r\nHost: h\r\n\r\n", "GET / path=/ query= host=h key=" + fields + "|Host=h", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n\r\n"},
		{"absolute with a query alone", "GET ws://h?b=/c HTTP/1.1\r\nHost: h\r\nX: a\r\n\r\n", "GET /?b=/c path=/ query=b=/c host=h key=|Host=h" + fields, "GET /?b=/c HTTP/1.1\r\nHost: h\r\nX: a\r\n\r\n"},
		{"absolute in HTTP/1.0", "GET http://h/ HTTP/1.0\r\nX: a\r\n\r\n", "GET / path=/ query= host=h key=" + fields, "GET / HTTP/1.0\r\nHost: h\r\nX: a\r\n\r\n"},
		{"no port", "GET / HTTP/1.1\r\nHost: h:\r\nX: a\r\n\r\n", "GET / path=/ query= host=h key=|Host=h:" + fields, "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n\r\n"},
		{"no port in IPv6", "GET / HTTP/1.1\r\nHost: [::1]:\r\nX: a\r\n\r\n", "GET / path=/ query= host=[::1] key=|Host=[::1]:" + fields, "GET / HTTP/1.1\r\nHost: [::1]\r\nX: a\r\n\r\n"},
		{"lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5, 5\r\nX: a\r\ncontent-length: 5\r\n\r\n",
			"POST / path=/ query= host=h key= body={Length:5 Chunked:false}|Host=h|Content-Length=5, 5|X=a|content-length=5", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nX: a\r\n\r\n"},
	} {
		var r, again http1.Request
		if n, reason := parse(&r, c.head, 0, limits); n != len(c.head) || show(&r) != c.want {
			t.Errorf("%s: n=%d %q\ngot  %s\nwant %s", c.name, n, reason, show(&r), c.want)
		}
		if r.Unusual() != (c.out != "") {
			t.Errorf("%s: unusual %v", c.name, r.Unusual())
		}
		if c.out == "" {
			c.out = c.head
		}
		out := string(r.AppendHead(nil))
		if _, reason := parse(&again, out, 0, limits); out != c.out || reason != "" || again.Unusual() {
			t.Errorf("%s: written %q, want %q; read again %q", c.name, out, c.out, reason)
		}
	}
}

// A WebSocket needs HTTP/1.1 (RFC 6455 section 4.1); who asks for one in HTTP/1.0 is told so.
func TestHandshakeVersion(t *testing.T) {
	if _, reason := upgrade(line("GET / HTTP/1.0")); reason != "bad_http_version" {
		t.Errorf("got %q", reason)
	}
}
