package gateway_test

import (
	"strings"
	"testing"

	"weir/gateway/config"
)

// TestHTTPLog has one line for each request, in which nothing can be forged.
func TestHTTPLog(t *testing.T) {
	t.Parallel()
	url, _ := pages(t)
	var text logs
	g := startLogging(t, &text, func(cfg *config.Config) { withHTTP(cfg); cfg.AccessLog = config.AccessText }, url)
	p := connect(t, g)
	p.write("POST /a%0aforged=1?token=canary HTTP/1.1\r\nHost: weir.test\r\nContent-Length: 4\r\n\r\nbody")
	_, body := p.answer()
	p.write(head("GET / HTTP/1.1", "Host: weir.test", "X: a", "Connection: close"))
	p.answer()
	p.wantEnd()
	if !eventually(func() bool { return strings.Count(text.String(), "msg=http") == 2 }) {
		t.Fatalf("lines are missing:\n%s", text.String())
	}
	for _, want := range []string{"client=127.0.0.1:", "endpoint=" + url, "method=POST", "host=weir.test", `path="/a%0aforged=1"`, "route=default",
		"status=200", `reason=""`, "bytes_up=4", "duration="} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %s in\n%s", want, text.String())
		}
	}
	if strings.Contains(text.String(), "canary") || len(body) == 0 {
		t.Errorf("the token shows in\n%s", text.String())
	}
}

// TestEdgeMetrics are there from the start, so that alerts on them can be written.
func TestEdgeMetrics(t *testing.T) {
	t.Parallel()
	e := startTLS(t, nil, listen(t).url())
	_, text := ask(t, e, "GET", "/metrics")
	for _, series := range []string{"weir_tls_handshakes_running", "weir_tls_handshakes_waiting", "weir_tls_reloads_total", "weir_tls_reload_failures_total",
		`weir_tls_certificate_expires_seconds{name="weir.test"}`, "weir_http_connections", "weir_http_connections_total", "weir_http_upgrades_total",
		`weir_http_requests_total{status="2xx"}`, `weir_http_requests_total{status="none"}`, `weir_http_body_bytes_total{direction="up"}`,
		`weir_http_body_bytes_total{direction="down"}`} {
		if !strings.Contains(text, "\n"+series+" ") {
			t.Errorf("%s is missing", series)
		}
	}
}

// TestSmuggling: what the second request of a connection is was decided by the parser of the first.
func TestSmuggling(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, withHTTP, b.url())
	for _, c := range []struct {
		text   string
		status int
	}{
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + get, 400},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody", 400},
		{"GET ftp://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\r\n X: b\r\n\r\n", 400},
		{"GET / HTTP/1.1\nHost: a\n\n", 400},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
		{handshake("/", "Content-Length: 5") + "hello", 400},
		{handshake("/", "Transfer-Encoding: chunked") + "0\r\n\r\n", 400},
	} {
		p := connect(t, g)
		p.write(c.text)
		p.wantStatus(c.status)
		if rest := string(p.rest()); strings.Contains(rest, "HTTP/1.1 2") {
			t.Errorf("%q: more than one answer: %q", c.text, rest)
		}
	}
	b.wantUntouched()
	p := connect(t, g)
	p.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")
	server := b.accept()
	if m := server.head(); m.fields.Get("Upgrade") != "" || m.fields.Get("Http2-Settings") != "" {
		t.Errorf("h2c passes: %q", m.text)
	}
	server.write(head("HTTP/1.1 101 Switching Protocols", "Upgrade: h2c", "Connection: Upgrade"))
	p.wantStatus(502)
}
