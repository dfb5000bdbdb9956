package http1_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"weir/codec/http1"
)

func swap(old, new string) string { return strings.Replace(rfcRequest, old, new, 1) }

func TestCheckUpgrade(t *testing.T) {
	for _, c := range []struct{ name, head, reason string }{
		{"as in the RFC", rfcRequest, ""},
		{"other case", swap("Upgrade: websocket\r\nConnection: Upgrade", "UPGRADE: WebSocket\r\nconnection: uPGRADE"), ""},
		{"lists", swap("Upgrade: websocket\r\nConnection: Upgrade", "Upgrade: h2c ,websocket\r\nConnection: ,close\r\nConnection: keep-alive , ,upgrade"), ""},
		{"key with spare bits", swap("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZR=="), ""},

		{"no Upgrade", without("Upgrade"), "not_an_upgrade"},
		{"no Connection", without("Connection"), "not_an_upgrade"},
		{"Connection: close", swap("Connection: Upgrade", "Connection: close"), "not_an_upgrade"},
		{"Connection: upgraded", swap("Connection: Upgrade", "Connection: upgraded"), "not_an_upgrade"},
		{"quoted", swap("Connection: Upgrade", `Connection: "a, upgrade, b"`), "not_an_upgrade"},
		{"h2c", swap("Upgrade: websocket", "Upgrade: h2c"), "not_an_upgrade"},
		{"two Upgrades", with("Upgrade: websocket"), "duplicate_upgrade"},
		{"h2c beside", with("Upgrade: h2c"), "duplicate_upgrade"},
		{"plain POST", "POST / HTTP/1.1\r\nHost: a\r\n\r\n", "not_an_upgrade"},
		{"two Upgrades, none to WebSocket", swap("Upgrade: websocket", "Upgrade: h2c\r\nUpgrade: TLS/1.0"), "not_an_upgrade"},
		{"body", with("Content-Length: 5"), "request_body"},
		{"body of none", with("Content-Length: 0"), ""},
		{"chunked", with("Transfer-Encoding: chunked"), "transfer_encoding"},
		{"POST", line("POST /chat HTTP/1.1"), "method_not_get"},
		{"get", line("get /chat HTTP/1.1"), "method_not_get"},
		{"no version", without("Sec-WebSocket-Version"), "bad_websocket_version"},
		{"version 8", swap("Version: 13", "Version: 8"), "bad_websocket_version"},
		{"version 13, 8", swap("Version: 13", "Version: 13, 8"), "bad_websocket_version"},
		{"two versions", with("Sec-WebSocket-Version: 13"), "duplicate_websocket_version"},
		{"no key", without("Sec-WebSocket-Key"), "no_websocket_key"},
		{"two keys", with("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="), "duplicate_websocket_key"},
		{"empty key", swap("dGhlIHNhbXBsZSBub25jZQ==", ""), "bad_websocket_key"},
		{"15 bytes", swap("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j"), "bad_websocket_key"},
		{"17 bytes", swap("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZWU="), "bad_websocket_key"},
		{"18 bytes", swap("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZWVl"), "bad_websocket_key"},
		{"no padding", swap("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ"), "bad_websocket_key"},
		{"other alphabet", swap("dGhlIHNhbXBsZSBub25jZQ==", "dGhl-HNhbXBsZSBub25jZQ=="), "bad_websocket_key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, reason := upgrade(c.head)
			if reason != c.reason {
				t.Errorf("got %q, want %q", reason, c.reason)
			}
			if r.AsksUpgrade() != (reason != http1.NotUpgrade.Reason) {
				t.Errorf("asks for an upgrade: %v", r.AsksUpgrade())
			}
		})
	}
}

// Every refusal is a response that a client reads to its end, says what it has to, and has a name of its own.
func TestRefusals(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range http1.Refusals {
		if seen[r.Reason] || strings.Trim(r.Reason, "abcdefghijklmnopqrstuvwxyz_") != "" {
			t.Errorf("reason %q: doubled or not snake_case", r.Reason)
		}
		seen[r.Reason] = true
		out := append(r.Append([]byte("before ")), "after"...)
		rest := bufio.NewReader(bytes.NewReader(out[len("before "):]))
		resp, err := http.ReadResponse(rest, nil)
		if err != nil {
			t.Fatalf("%s: %v", r.Reason, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || string(body) != r.Text+"\n" {
			t.Errorf("%s: body %q, %v", r.Reason, body, err)
		}
		if left, _ := io.ReadAll(rest); string(left) != "after" {
			t.Errorf("%s: %q follows", r.Reason, left)
		}
		if resp.StatusCode != r.Status || !resp.Close || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v %v", r.Reason, resp.Status, resp.Header)
		}
		switch r.Status {
		case 426:
			if resp.Header.Get("Upgrade") != "websocket" {
				t.Errorf("%s: no Upgrade", r.Reason)
			}
		case 405:
			if !strings.HasPrefix(resp.Header.Get("Allow"), "GET") {
				t.Errorf("%s: no Allow", r.Reason)
			}
		}
		if r.Reason == "bad_websocket_version" && resp.Header.Get("Sec-WebSocket-Version") != "13" {
			t.Error("the right version is not named")
		}
	}
	for _, c := range requests {
		if c.reason != "" && !seen[c.reason] {
			t.Errorf("%s is not listed", c.reason)
		}
	}
}
