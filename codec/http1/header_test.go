package http1_test

import (
	"bufio"
	"bytes"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"weir/codec/http1"
)

var headerRules = map[string]http1.Rules{
	"none":      {},
	"forwarded": {Forwarded: true},
	"all": {Forwarded: true, Standard: true, Identity: "X-Client-Name", Host: "inside:80",
		Request: []http1.Rule{{Op: http1.Set, Name: "X-Team", Value: "blue"}, {Op: http1.Add, Name: "X-A", Value: "9"}, {Op: http1.Remove, Name: "Origin"}, {Op: http1.Set, Name: "x-real-ip", Value: "hidden"}}},
	"host": {Request: []http1.Rule{{Op: http1.Set, Name: "Host", Value: "other"}}},
}

var headerFroms = []http1.From{
	{},
	{Addr: netip.MustParseAddr("192.0.2.7"), Identity: "CN=alice"},
	{Addr: netip.MustParseAddr("2001:db8::7"), TLS: true, Host: []byte("outside:8443"), Hops: []netip.Addr{netip.MustParseAddr("10.0.0.8"), netip.MustParseAddr("fd00::9")}, Identity: "a\r\nX: b"},
}

var headerLines = []string{
	"X: a",
	"X-A: 1\r\nx-a: 2\r\nX-A:\r\nCookie: a\r\nCookie: b",
	"Keep-Alive: 5\r\nProxy-Connection: a\r\nTE: trailers\r\nTrailer: X\r\nHTTP2-Settings: a\r\nTransfer_Encoding: chunked\r\nProxy-Authorization: a",
	"Connection: X-A, cookie,, x-client-name ,X-Forwarded-For, X-Team, Authorization\r\nX-A: 1\r\nCookie: a\r\nAuthorization: a\r\nX-B: 1",
	"X-Forwarded-For: 10.0.0.1\r\nX_Forwarded-For: 10.0.0.1\r\nForwarded: for=x\r\nX-Real-IP: 1\r\nX-Forwarded-Port: 1",
	"X-Client-Name: root\r\nX_Client_Name: root\r\nx-team: red\r\nX-Team: green",
	"Content-Length: 5\r\nExpect: 100-continue",
	"Transfer-Encoding: chunked",
}

// The rules do the same to the fields that we parsed and to those that net/http did.
func TestForwardHeader(t *testing.T) {
	for name, ru := range headerRules {
		for _, from := range headerFroms {
			for _, lines := range headerLines {
				sameForward(t, name, &ru, from, with(lines))
			}
		}
	}
}

func sameForward(t *testing.T, name string, ru *http1.Rules, from http1.From, head string) {
	t.Helper()
	var r http1.Request
	if n, reason := parse(&r, head, 0, limits); n == 0 {
		t.Fatal(reason)
	}
	fields, host, _ := ru.Forward(nil, nil, &r, from)
	req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
	if err != nil {
		t.Fatal(err)
	}
	outHost := ru.ForwardHeader(req.Header, req.Host, from, new(http1.Spelling))
	if got, want := req.Header, headerOf(fields); !equalHeaders(got, want) || outHost != string(host) {
		t.Errorf("rules %s, %+v\n%q\nparsed by net/http: %q %v\nby us:              %q %v", name, from, head, outHost, got, host, want)
	}
}

func equalHeaders(a, b http.Header) bool { return maps.EqualFunc(a, b, slices.Equal) }

func TestAnswerHeader(t *testing.T) {
	for _, ru := range []http1.Rules{{}, {Response: rules(t, "set Server: weir", "remove X-A", "add Via: 1.1 weir")}} {
		for _, lines := range []string{
			"X: a", "Content-Length: 5\r\nServer: a\r\nServer: b\r\nX-A: 1", "Connection: close, X-A, content-length\r\nX-A: 1\r\nContent-Length: 5",
			"Set-Cookie: a=b\r\nSet-Cookie: c=d\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nTrailer: X\r\nProxy-Authenticate: a\r\nVia: 1.1 other",
		} {
			var r http1.Response
			if _, reason := parseResponse(&r, answer(lines), 0); reason != "" {
				t.Fatal(reason)
			}
			want := headerOf(ru.Answer(nil, r.Fields, r.Status))
			got := headerOf(r.Fields)
			ru.AnswerHeader(got, new(http1.Spelling))
			if !equalHeaders(got, want) {
				t.Errorf("%q\ngot  %v\nwant %v", lines, got, want)
			}
		}
	}
}

// What comes of a header neither grows into its neighbours nor hangs on the bytes that it was made of.
func TestForwardHeaderIsIndependent(t *testing.T) {
	h := http.Header{"A": {"1", "2"}, "B": {"3"}}
	ru := http1.Rules{Forwarded: true}
	ru.ForwardHeader(h, "a", http1.From{Addr: netip.MustParseAddr("192.0.2.7")}, new(http1.Spelling))
	for name := range h {
		h.Add(name, "more")
	}
	for name, want := range map[string]string{"A": "1 2 more", "B": "3 more", "X-Forwarded-For": "192.0.2.7 more", "X-Real-Ip": "192.0.2.7 more", "X-Forwarded-Proto": "http more", "X-Forwarded-Host": "a more"} {
		if got := strings.Join(h[name], " "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// sameAsNetHTTP: what Parse takes net/http reads in the same way or refuses.
func sameAsNetHTTP(t *testing.T, r *http1.Request, head []byte) {
	t.Helper()
	if r.Unusual() {
		head = r.AppendHead(nil)
	}
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	if err != nil {
		return
	}
	length, chunked := int64(r.Body.Length), slices.Equal(req.TransferEncoding, []string{"chunked"})
	if r.Body.Chunked {
		length = -1
	}
	if req.Method != string(r.Method) || req.RequestURI != string(r.Target) || req.Host != string(r.Host) || req.ContentLength != length || chunked != r.Body.Chunked {
		t.Fatalf("%q: net/http reads %s %s %s, body %d %v; we %s, body %+v", head, req.Method, req.RequestURI, req.Host, req.ContentLength, req.TransferEncoding, show(r), r.Body)
	}
	var got, want http1.Rules
	a, b := req.Header, headerOf(r.Fields)
	if b["Cache-Control"] == nil {
		delete(a, "Cache-Control") // net/http adds one to Pragma: no-cache
	}
	got.ForwardHeader(a, "", http1.From{}, new(http1.Spelling))
	want.ForwardHeader(b, "", http1.From{}, new(http1.Spelling))
	if !equalHeaders(a, b) {
		t.Fatalf("%q: net/http reads %v, we %v", head, a, b)
	}
}

func TestSameAsNetHTTP(t *testing.T) {
	for _, c := range requests {
		var r http1.Request
		if n, _ := parse(&r, c.head, 0, limits); n > 0 {
			sameAsNetHTTP(t, &r, []byte(c.head[:n]))
		}
	}
}

// Names come back as they were, where net/http does not look for them itself.
func TestSpelling(t *testing.T) {
	const lines = "ETag: 1\r\nx-lower: 2\r\nX-UPPER: 3\r\nx-upper: 4\r\nX-Usual: 5\r\ncontent-length: 0\r\ncontent-type: a\r\nCONNECTION: keep-alive"
	var ask http1.Request
	var told http1.Response
	if n, reason := parse(&ask, with(lines), 0, limits); n == 0 {
		t.Fatal(reason)
	}
	if _, reason := parseResponse(&told, answer(lines), 0); reason != "" {
		t.Fatal(reason)
	}
	for _, sp := range []http1.Spelling{ask.Spelling(), told.Spelling()} {
		h := http.Header{"Etag": {"1"}, "X-Lower": {"2"}, "X-Upper": {"3", "4"}, "X-Usual": {"5"}, "Content-Length": {"0"}, "Content-Type": {"a"}, "Connection": {"keep-alive"}}
		for range 2 {
			sp.Apply(h)
		}
		var out strings.Builder
		_ = h.Write(&out)
		for _, want := range []string{"ETag: 1\r\n", "x-lower: 2\r\n", "x-upper: 3\r\nx-upper: 4\r\n", "X-Usual: 5\r\n", "Content-Length: 0\r\n", "content-type: a\r\n", "Connection: keep-alive\r\n"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("no %q in\n%s", want, out.String())
			}
		}
		if n := strings.Count(out.String(), "\n"); n != 8 {
			t.Errorf("%d lines in\n%s", n, out.String())
		}
	}
	ru := http1.Rules{Forwarded: true, Request: rules(t, "set x-TEAM: blue")}
	var sp http1.Spelling
	ru.ForwardHeader(http.Header{}, "a", http1.From{Addr: netip.MustParseAddr("192.0.2.7")}, &sp)
	if sp["X-Team"] != "x-TEAM" || sp["X-Real-Ip"] != "X-Real-IP" || len(sp) != 2 {
		t.Error(sp)
	}
}
