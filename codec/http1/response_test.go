package http1_test

import (
	"fmt"
	"strings"
	"testing"

	"weir/codec/http1"
)

// The answer of RFC 6455 section 1.2.
const rfcResponse = "HTTP/1.1 101 Switching Protocols\r\n" +
	"Upgrade: websocket\r\n" +
	"Connection: Upgrade\r\n" +
	"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" +
	"Sec-WebSocket-Protocol: chat\r\n" +
	"\r\n"

const rfcAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

func parseResponse(r *http1.Response, head string, at int) (n int, reason string) {
	r.Reset()
	n, fault := r.Parse([]byte(head[:at]), limits)
	if n == 0 && fault == nil {
		n, fault = r.Parse([]byte(head), limits)
	}
	if fault != nil {
		return n, fault.Reason
	}
	return n, ""
}

func showResponse(r *http1.Response) string {
	return fmt.Sprintf("%d %s", r.Status, r.Reason) + showFields(r.Fields)
}

func status(s string) string { return s + rfcResponse[strings.Index(rfcResponse, "\r\n"):] }

func answer(fields string) string { return "HTTP/1.1 200 OK\r\n" + fields + "\r\n\r\n" }

var responses = []struct{ name, head, reason string }{
	{"as in the RFC", rfcResponse, ""},
	{"no fields", "HTTP/1.1 200 OK\r\n\r\n", ""},
	{"HTTP/1.0", status("HTTP/1.0 404 Not Found"), ""},
	{"no phrase", status("HTTP/1.1 101 "), ""},
	{"no phrase, no space", status("HTTP/1.1 101"), ""},
	{"obs-text phrase", status("HTTP/1.1 200 \xe9"), ""},

	{"another protocol", "SSH-2.0-OpenSSH_9.2\r\n", "backend_bad_status_line"},
	{"TLS alert", "\x15\x03\x01\x00\x02\x02\x28", "backend_bad_status_line"},
	{"empty line first", "\r\n" + rfcResponse, "backend_bad_status_line"},
	{"HTTP/2.0", status("HTTP/2.0 200 OK"), "backend_bad_status_line"},
	{"HTTP/1.2", status("HTTP/1.2 200 OK"), "backend_bad_status_line"},
	{"two digits", status("HTTP/1.1 20 OK"), "backend_bad_status_line"},
	{"four digits", status("HTTP/1.1 2000 OK"), "backend_bad_status_line"},
	{"signed", status("HTTP/1.1 +20 OK"), "backend_bad_status_line"},
	{"600", status("HTTP/1.1 600 OK"), "backend_bad_status_line"},
	{"099", status("HTTP/1.1 099 OK"), "backend_bad_status_line"},
	{"two spaces", status("HTTP/1.1  200 OK"), "backend_bad_status_line"},
	{"cut short", status("HTTP/1.1 10"), "backend_bad_status_line"},
	{"empty status line", status("HTTP"), "backend_bad_status_line"},

	{"bare LF", answer("X: a\nY: b"), "backend_bare_lf"},
	{"bare CR", answer("X: a\rY: b"), "backend_bare_cr"},
	{"NUL", answer("X: \x00"), "backend_control_byte"},
	{"fold", answer("X: a\r\n b"), "backend_obs_fold"},
	{"space before colon", answer("X : a"), "backend_space_before_colon"},
	{"name", answer("X(: a"), "backend_bad_field_name"},
	{"too many fields", answer(strings.Repeat("X: a\r\n", 100) + "X: a"), "backend_too_many_fields"},
	{"too many options", answer("Connection: " + strings.Repeat("a,", 100)), "backend_too_many_fields"},
	{"too large", answer("X: " + strings.Repeat("a", limits.Head)), "backend_head_too_large"},
}

func TestResponseSplits(t *testing.T) {
	for _, c := range responses {
		t.Run(c.name, func(t *testing.T) {
			whole, part := new(http1.Response), new(http1.Response)
			n, reason := parseResponse(whole, c.head, len(c.head))
			if reason != c.reason {
				t.Fatalf("got %q, want %q", reason, c.reason)
			}
			if c.reason == "" && n != len(c.head) {
				t.Fatalf("n=%d, want %d", n, len(c.head))
			}
			for at := range c.head {
				m, reason := parseResponse(part, c.head, at)
				if m != n || reason != c.reason || reason == "" && showResponse(part) != showResponse(whole) {
					t.Fatalf("split at %d: n=%d %q %s", at, m, reason, showResponse(part))
				}
			}
		})
	}
}

func TestResponse(t *testing.T) {
	var r http1.Response
	n, reason := parseResponse(&r, rfcResponse+"\x81\x00", len(rfcResponse))
	want := "101 Switching Protocols|Upgrade=websocket|Connection=Upgrade|Sec-WebSocket-Accept=" + rfcAccept + "|Sec-WebSocket-Protocol=chat"
	if got := showResponse(&r); n != len(rfcResponse) || reason != "" || got != want {
		t.Errorf("n=%d %q\ngot  %s\nwant %s", n, reason, got, want)
	}
}

func TestCheckSwitch(t *testing.T) {
	swap := func(old, new string) string { return strings.Replace(rfcResponse, old, new, 1) }
	for _, c := range []struct{ name, head, reason string }{
		{"as in the RFC", rfcResponse, ""},
		{"other case", swap("Upgrade: websocket\r\nConnection: Upgrade", "upgrade: WebSocket\r\nconnection: keep-alive, upgrade"), ""},
		{"200", swap("101", "200"), "backend_not_switching"},
		{"100", swap("101", "100"), "backend_not_switching"},
		{"HTTP/1.0", swap("HTTP/1.1", "HTTP/1.0"), "backend_not_switching"},
		{"no Upgrade", swap("Upgrade: websocket\r\n", ""), "backend_wrong_upgrade"},
		{"h2c", swap("websocket", "h2c"), "backend_wrong_upgrade"},
		{"h2c too", swap("websocket", "websocket, h2c"), "backend_wrong_upgrade"},
		{"two Upgrades", swap("\r\n", "\r\nUpgrade: websocket\r\n"), "backend_wrong_upgrade"},
		{"no Connection", swap("Connection: Upgrade\r\n", ""), "backend_wrong_upgrade"},
		{"Connection: close", swap("Connection: Upgrade", "Connection: close"), "backend_wrong_upgrade"},
		{"no accept", swap("Sec-WebSocket-Accept", "X"), "backend_wrong_accept"},
		{"another accept", swap("s3pP", "S3pP"), "backend_wrong_accept"},
		{"the key", swap(rfcAccept, "dGhlIHNhbXBsZSBub25jZQ=="), "backend_wrong_accept"},
		{"two accepts", swap("\r\n", "\r\nSec-WebSocket-Accept: "+rfcAccept+"\r\n"), "backend_wrong_accept"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r http1.Response
			if _, reason := parseResponse(&r, c.head, len(c.head)); reason != "" {
				t.Fatal(reason)
			}
			reason := ""
			if fault := r.CheckSwitch([]byte(rfcAccept)); fault != nil {
				reason = fault.Reason
			}
			if reason != c.reason {
				t.Errorf("got %q, want %q", reason, c.reason)
			}
		})
	}
}

func TestExtensions(t *testing.T) {
	for value, want := range map[string][2]bool{
		"permessage-deflate":                             {true, false},
		"x-webkit-deflate, Permessage-Deflate":           {true, true},
		"permessage-deflate ; server_max_window_bits=10": {true, false},
		`x; a="b, permessage-deflate"`:                   {false, true},
		`x; a="\", permessage-deflate, b"`:               {false, true},
		`x; a="b", permessage-deflate`:                   {true, true},
		"permessage-deflate-2":                           {false, true},
		"x; permessage-deflate":                          {false, true},
		", permessage-deflate,":                          {true, false},
		"":                                               {false, false},
	} {
		var r http1.Response
		if _, reason := parseResponse(&r, answer("X: permessage-deflate\r\nSec-WebSocket-Extensions: "+value), 0); reason != "" {
			t.Fatal(reason)
		}
		if deflate, others := r.Extensions(); deflate != want[0] || others != want[1] {
			t.Errorf("%s: %v, %v", value, deflate, others)
		}
	}
}

func TestKeepExtensions(t *testing.T) {
	for value, want := range map[string]string{
		"permessage-deflate": "permessage-deflate",
		"permessage-deflate; client_max_window_bits, permessage-deflate": "permessage-deflate; client_max_window_bits, permessage-deflate",
		"x, permessage-deflate;a=1 ,y;b":                                 "permessage-deflate;a=1",
		`x; q="permessage-deflate, permessage-deflate"`:                  "",
		"x":   "",
		",,":  ",,",
		",x,": "",
		"":    "",
	} {
		got := http1.KeepExtensions([]byte(value), func(name []byte) bool { return string(name) == "permessage-deflate" })
		if string(got) != want {
			t.Errorf("%s: %q", value, got)
		}
	}
}

// A name says whose fault it is, so none may stand for a client's refusal too.
func TestFaults(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range http1.Refusals {
		seen[r.Reason] = true
	}
	for _, e := range http1.Faults {
		if seen[e.Reason] || e.Text == "" || e.Code != 1002 {
			t.Errorf("%+v", e)
		}
		seen[e.Reason] = true
	}
	for _, c := range responses {
		if c.reason != "" && !seen[c.reason] {
			t.Errorf("%s is not listed", c.reason)
		}
	}
}
