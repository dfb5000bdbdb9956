package http1_test

import (
	"net/netip"
	"strings"
	"testing"

	"weir/codec/http1"
)

func rules(t testing.TB, lines ...string) (rs []http1.Rule) {
	t.Helper()
	for _, l := range lines {
		r, err := http1.ParseRule(l)
		if err != nil {
			t.Fatal(err)
		}
		rs = append(rs, r)
	}
	return rs
}

var someone = http1.From{Addr: netip.MustParseAddr("::ffff:192.0.2.7")}

func TestForward(t *testing.T) {
	const origin = "|Origin=http://example.com|Sec-WebSocket-Protocol=chat, superchat"
	const ours = "|X-Forwarded-For=192.0.2.7|X-Real-IP=192.0.2.7|X-Forwarded-Proto=http|X-Forwarded-Host=server.example.com"
	forwarded := http1.Rules{Forwarded: true}
	hops := []netip.Addr{netip.MustParseAddr("10.0.0.8"), netip.MustParseAddr("fd00::9")}
	for _, c := range []struct {
		name  string
		lines string // more of the client's
		rules http1.Rules
		from  http1.From
		want  string
		host  string
	}{
		{name: "nothing to do", want: origin},
		{name: "ours", rules: forwarded, want: origin + ours},
		{name: "hop by hop", lines: "Keep-Alive: 5\r\nProxy-Connection: a\r\nTE: trailers\r\nTrailer: X\r\nProxy-Authorization: a\r\nProxy-Authenticate: a\r\nContent-Length: 0", want: origin},
		{name: "h2c", lines: "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nConnection: HTTP2-Settings", want: origin},
		{name: "named by Connection", lines: "Connection: X-A,, x-b ,sec-websocket-protocol\r\nX-A: 1\r\nX-B: 2\r\nX-B: 3\r\nX-C: 4", want: "|Origin=http://example.com|X-C=4"},
		{name: "ours survive Connection", lines: "Connection: X-Forwarded-For, X-Real-IP, X-Team, Host, Upgrade, Sec-WebSocket-Key",
			rules: http1.Rules{Forwarded: true, Request: rules(t, "set X-Team: blue")}, want: origin + ours + "|X-Team=blue"},
		{name: "forged address", lines: "X-Forwarded-For: 10.0.0.1\r\nx-real-ip: 10.0.0.1\r\nForwarded: for=10.0.0.1\r\nX-Forwarded-Port: 1\r\nX_Forwarded_For: 10.0.0.1\r\nX-Real_IP: 10.0.0.1", rules: forwarded, want: origin + ours},
		{name: "kept where not asked", lines: "X-Forwarded-For: 10.0.0.1", want: origin + "|X-Forwarded-For=10.0.0.1"},
		{name: "underscores", lines: "Transfer_Encoding: chunked\r\nContent_Length: 5\r\nX_Team: red", rules: http1.Rules{Request: rules(t, "set X-Team: blue")}, want: origin + "|X-Team=blue"},
		{name: "set, add, remove", lines: "X-Team: red\r\nX-Team: green\r\nX-B: 1\r\nX-C: 1",
			rules: http1.Rules{Request: rules(t, "set X-Team: blue", "add X-B: 2", "remove x-c", "remove Origin")},
			want:  "|Sec-WebSocket-Protocol=chat, superchat|X-B=1|X-Team=blue|X-B=2"},
		{name: "in order", rules: http1.Rules{Request: rules(t, "add X: 1", "set X: 2", "add X: 3", "add Y: 1", "remove Y")}, want: origin + "|X=2|X=3"},
		{name: "remove one of ours", rules: http1.Rules{Forwarded: true, Request: rules(t, "remove X-Real-IP")}, want: origin + strings.Replace(ours, "|X-Real-IP=192.0.2.7", "", 1)},
		{name: "host", rules: http1.Rules{Host: "inside:80", Forwarded: true}, host: "inside:80", want: origin + ours},
		{name: "host by rule", rules: http1.Rules{Host: "inside:80", Request: rules(t, "set host: other")}, host: "other", want: origin},
		{name: "IPv6 over TLS", rules: forwarded, from: http1.From{Addr: netip.MustParseAddr("fe80::1%eth0"), TLS: true},
			want: origin + "|X-Forwarded-For=fe80::1|X-Real-IP=fe80::1|X-Forwarded-Proto=https|X-Forwarded-Host=server.example.com"},
		{name: "hops", rules: forwarded, from: http1.From{Addr: someone.Addr, Hops: hops, TLS: true, Host: []byte("outside:8443")},
			want: origin + "|X-Forwarded-For=192.0.2.7, 10.0.0.8, fd00::9|X-Real-IP=192.0.2.7|X-Forwarded-Proto=https|X-Forwarded-Host=outside:8443"},
		{name: "standard", rules: http1.Rules{Forwarded: true, Standard: true}, want: origin + ours + "|Forwarded=for=192.0.2.7;proto=http;host=server.example.com"},
		{name: "standard, hops", rules: http1.Rules{Forwarded: true, Standard: true, Request: rules(t, "remove X-Forwarded-For", "remove X-Real-IP", "remove X-Forwarded-Proto", "remove X-Forwarded-Host")},
			from: http1.From{Addr: netip.MustParseAddr("2001:db8::1"), Hops: hops, TLS: true, Host: []byte("outside:8443")},
			want: origin + `|Forwarded=for="[2001:db8::1]";proto=https;host="outside:8443", for=10.0.0.8, for="[fd00::9]"`},
		{name: "standard alone", rules: http1.Rules{Standard: true}, lines: "Forwarded: for=10.0.0.1", want: origin + "|Forwarded=for=10.0.0.1"},
		{name: "identity", lines: "X-Client-Name: root\r\nx_client-name: root\r\nConnection: X-Client-Name", rules: http1.Rules{Identity: "X-Client-Name"},
			from: http1.From{Addr: someone.Addr, Identity: "CN=J\u00fcrgen,O=Weir"}, want: origin + "|X-Client-Name=CN=J\u00fcrgen,O=Weir"},
		{name: "no identity", lines: "X-Client-Name: root", rules: http1.Rules{Identity: "X-Client-Name"}, want: origin},
		{name: "identity that is no value", lines: "X-Client-Name: root", rules: http1.Rules{Identity: "X-Client-Name"}, from: http1.From{Addr: someone.Addr, Identity: "a\r\nX: b"}, want: origin},
		{name: "identity within spaces", rules: http1.Rules{Identity: "X-Client-Name"}, from: http1.From{Addr: someone.Addr, Identity: " root"}, want: origin},
		{name: "identity nobody asked for", lines: "X-Client-Name: root", from: http1.From{Addr: someone.Addr, Identity: "CN=alice"}, want: origin + "|X-Client-Name=root"},
		{name: "request id", lines: "X-Request-Id: forged\r\nx_request-id: forged\r\nConnection: X-Request-Id", from: http1.From{Addr: someone.Addr, RequestID: "7"}, want: origin + "|X-Request-Id=7"},
		{name: "request id by rule", rules: http1.Rules{Request: rules(t, "remove X-Request-Id")}, from: http1.From{Addr: someone.Addr, RequestID: "7"}, want: origin},
	} {
		t.Run(c.name, func(t *testing.T) {
			head := rfcRequest
			if c.lines != "" {
				head = with(c.lines)
			}
			r, reason := upgrade(head)
			if reason != "" {
				t.Fatal("refused:", reason)
			}
			if !c.from.Addr.IsValid() {
				c.from = someone
			}
			if c.host == "" {
				c.host = "server.example.com"
			}
			before := http1.Field{Name: []byte("before"), Value: []byte("kept")}
			fields, host, scratch := c.rules.Forward([]http1.Field{before}, []byte("scratch "), r, c.from)
			if got := showFields(fields); got != "|before=kept"+c.want || string(host) != c.host {
				t.Errorf("\ngot  %s\nwant %s\nhost %s", got, c.want, host)
			}
			if !strings.HasPrefix(string(scratch), "scratch ") {
				t.Errorf("scratch %q", scratch)
			}
		})
	}
}

// Whatever room scratch has, fields show the addresses, also after more was appended to it.
func TestForwardScratch(t *testing.T) {
	r, _ := upgrade(rfcRequest)
	ru := http1.Rules{Forwarded: true, Standard: true}
	from := http1.From{Addr: someone.Addr, Hops: []netip.Addr{netip.MustParseAddr("10.0.0.8")}}
	for room := range 120 {
		fields, _, scratch := ru.Forward(nil, make([]byte, 3, 3+room), r, from)
		_ = append(scratch, strings.Repeat("x", 100)...)
		got := showFields(fields)
		for _, want := range []string{"|X-Forwarded-For=192.0.2.7, 10.0.0.8|X-Real-IP=192.0.2.7|", "|Forwarded=for=192.0.2.7;proto=http;host=server.example.com, for=10.0.0.8"} {
			if !strings.Contains(got, want) {
				t.Fatalf("room %d: %s", room, got)
			}
		}
	}
}

func TestForwardUnknownAddress(t *testing.T) {
	r, _ := upgrade(rfcRequest)
	fields, _, _ := (&http1.Rules{Forwarded: true, Standard: true}).Forward(nil, nil, r, http1.From{})
	if got := showFields(fields); strings.Contains(got, "X-Forwarded-For") || strings.Contains(got, "X-Real-IP") || !strings.Contains(got, "Forwarded=for=unknown;proto=http;") {
		t.Error(got)
	}
}

func TestAnswer(t *testing.T) {
	for _, c := range []struct {
		name, head string
		rules      []http1.Rule
		want       string
	}{
		{"upgraded", rfcResponse, nil, "|Sec-WebSocket-Protocol=chat"},
		{"upgraded with framing", strings.Replace(rfcResponse, "\r\n", "\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n", 1),
			nil, "|Set-Cookie=a=b|Set-Cookie=c=d|Sec-WebSocket-Protocol=chat"},
		{"refused, counted", answer("Content-Length: 5\r\nServer: a\r\nKeep-Alive: 5\r\nConnection: keep-alive, X\r\nX: a"), nil, "|Server=a|Content-Length=5"},
		{"framing survives Connection", answer("Transfer-Encoding: chunked\r\nConnection: transfer-encoding"), nil, "|Transfer-Encoding=chunked"},
		{"version named", "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n", nil, "|Sec-WebSocket-Version=13|Upgrade=websocket"},
		{"Upgrade of another answer", answer("Upgrade: h2c\r\nConnection: Upgrade"), nil, ""},
		{"one length", answer("Content-Length: 5\r\ncontent-length: 5 , 5"), nil, "|Content-Length=5"},
		{"one length of a list", answer("content-length: 5,5"), nil, "|content-length=5"},
		{"rules", answer("Server: a\r\nX-Powered-By: b"), rules(t, "set Server: weir", "remove X-Powered-By", "add Via: 1.1 weir"), "|Server=weir|Via=1.1 weir"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r http1.Response
			if _, reason := parseResponse(&r, c.head, 0); reason != "" {
				t.Fatal(reason)
			}
			ru := http1.Rules{Response: c.rules}
			before := http1.Field{Name: []byte("before"), Value: []byte("kept")}
			if got := showFields(ru.Answer([]http1.Field{before}, r.Fields, r.Status)); got != "|before=kept"+c.want {
				t.Errorf("\ngot  %s\nwant %s", got, c.want)
			}
		})
	}
}
