package gateway_test

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/gateway/config"
)

// TestBadRequests sends heads that must not be understood in two ways. The client gets its answer and the end,
// the backend nothing.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	const get, host, version = "GET / HTTP/1.1", "Host: weir.test", "Sec-WebSocket-Version: 13"
	const key = "Sec-WebSocket-Key: " + sampleKey
	up := []string{get, host, "Upgrade: websocket", "Connection: Upgrade"}
	with := func(lines ...string) string { return head(append(up[:len(up):len(up)], lines...)...) }
	for _, c := range []struct {
		name, request string
		status        int
		reason        string
	}{
		{"two lengths", handshake("/", "Content-Length: 0", "Content-Length: 1"), 400, "duplicate_content_length"},
		{"a body", handshake("/", "Content-Length: 5") + "GET /", 400, "request_body"},
		{"a signed length", handshake("/", "Content-Length: +0"), 400, "bad_content_length"},
		{"a coding", handshake("/", "Transfer-Encoding: chunked") + "0\r\n\r\n", 400, "transfer_encoding"},
		{"a coding and a length", handshake("/", "Content-Length: 0", "Transfer-Encoding: identity"), 400, "length_and_transfer_encoding"},
		{"a folded line", handshake("/", "X-A: 1\r\n folded"), 400, "obs_fold"},
		{"a bare LF", handshake("/", "X-A: 1\nX-B: 2"), 400, "bare_lf"},
		{"a bare CR", handshake("/", "X-A: 1\rX-B: 2"), 400, "bare_cr"},
		{"NUL", handshake("/", "X-A: 1\x00"), 400, "control_byte"},
		{"a space before the colon", handshake("/", "X-A : 1"), 400, "space_before_colon"},
		{"no field name", handshake("/", ": 1"), 400, "bad_field_name"},
		{"no Host", head(get, "Upgrade: websocket", "Connection: Upgrade", key, version), 400, "no_host"},
		{"two Hosts", handshake("/", "Host: other.test"), 400, "duplicate_host"},
		{"a target that is no path", handshake("other.test/"), 400, "bad_target"},
		{"a long path", handshake("/" + strings.Repeat("a", 1000)), 414, "path_too_long"},
		{"a space in the target", handshake("/a b"), 400, "bad_target"},
		{"HTTP/1.0", strings.Replace(handshake("/"), "HTTP/1.1", "HTTP/1.0", 1), 505, "bad_http_version"},
		{"the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "bad_http_version"},
		{"a TLS hello", "\x16\x03\x01\x02\x00", 400, "bad_request_line"},
		{"POST", strings.Replace(handshake("/"), "GET", "POST", 1), 405, "method_not_get"},
		{"a plain GET", head(get, host), 426, "not_an_upgrade"},
		{"h2c", head(get, host, "Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABk"), 426, "not_an_upgrade"},
		{"no Connection", head(get, host, "Upgrade: websocket", key, version), 426, "not_an_upgrade"},
		{"version 8", with(key, "Sec-WebSocket-Version: 8"), 426, "bad_websocket_version"},
		{"no version", with(key), 426, "bad_websocket_version"},
		{"two versions", with(key, version, version), 400, "duplicate_websocket_version"},
		{"no key", with(version), 400, "no_websocket_key"},
		{"two keys", with(key, key, version), 400, "duplicate_websocket_key"},
		{"a short key", with("Sec-WebSocket-Key: c2hvcnQ=", version), 400, "bad_websocket_key"},
		{"a key not in base64", with("Sec-WebSocket-Key: ????????????????????????", version), 400, "bad_websocket_key"},
		{"a head too large", handshake("/", "X-A: "+strings.Repeat("a", 4096)), 431, "head_too_large"},
		{"a head that never ends", "GET /" + strings.Repeat("a", 8192), 431, "head_too_large"},
		{"too many fields", handshake("/", strings.Split(strings.Repeat("X: 1,", 40), ",")[:40]...), 431, "too_many_fields"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := listen(t)
			g := start(t, func(cfg *config.Config) { cfg.MaxHeaderSize, cfg.MaxHeaderFields, cfg.MaxPathLength = 4096, 40, 1000 }, b.url())
			client := connect(t, g)
			client.write(c.request)
			fields := client.wantStatus(c.status).fields
			if !slices.Contains(fields.Values("Connection"), "close") {
				t.Errorf("the answer does not say that the connection ends: %v", fields)
			}
			if c.status == 426 && fields.Get("Upgrade") != "websocket" {
				t.Errorf("426 does not name the protocol: %v", fields)
			}
			if c.reason == "bad_websocket_version" && fields.Get("Sec-WebSocket-Version") != "13" {
				t.Errorf("the version that is spoken is not named: %v", fields)
			}
			client.rest()
			b.wantUntouched()
			if n := metric(t, g, `weir_sessions_refused_total{reason="`+c.reason+`"}`); n != 1 {
				t.Errorf("counted %v times", n)
			}
		})
	}
}

// TestSlowHead sends a good request a byte at a time, too slowly: the deadline is for all of it.
func TestSlowHead(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { cfg.HandshakeTimeout = 150 * time.Millisecond }, b.url())
	client := connect(t, g)
	began := time.Now()
	stop := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for _, c := range []byte(handshake("/")) {
			if _, err := client.conn.Write([]byte{c}); err != nil {
				return
			}
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	client.wantStatus(408)
	if took := time.Since(began); took < 100*time.Millisecond || took > 2*time.Second {
		t.Errorf("cut after %v", took)
	}
	close(stop)
	<-ended
	b.wantUntouched()
	wantMetric(t, g, `weir_sessions_refused_total{reason="handshake_timeout"}`, 1)
}

// TestSilentClient never says a word.
func TestSilentClient(t *testing.T) {
	t.Parallel()
	g := start(t, func(cfg *config.Config) {
		cfg.HandshakeTimeout, cfg.CloseTimeout = 50*time.Millisecond, 50*time.Millisecond
	}, listen(t).url())
	client := connect(t, g)
	client.wantStatus(408)
	client.rest()
	wantMetric(t, g, "weir_client_connections", 0)
}

// TestRefusedClientIsNotKept leaves a refused client's connection open: the close timeout ends it.
func TestRefusedClientIsNotKept(t *testing.T) {
	t.Parallel()
	g := start(t, func(cfg *config.Config) { cfg.CloseTimeout = 50 * time.Millisecond }, listen(t).url())
	client := connect(t, g)
	client.write(head("GET / HTTP/1.1", "Host: a"))
	client.wantStatus(426)
	if _, err := io.Copy(io.Discard, client.in); err != nil {
		t.Error(err)
	}
	wantMetric(t, g, "weir_client_connections", 0)
}
