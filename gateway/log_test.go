package gateway_test

import (
	"strings"
	"testing"
	"time"

	"weir/gateway/config"
)

// TestTokenIsNowhere sends a token in the query by all the ways a request can end. It must not show in logs, in
// metrics or on the admin pages.
func TestTokenIsNowhere(t *testing.T) {
	t.Parallel()
	const canary = "canary-7f3a"
	var text logs
	b := listen(t)
	g := startLogging(t, &text, func(cfg *config.Config) {
		cfg.AccessLog, cfg.BackendTimeout, cfg.CloseTimeout = config.AccessText, time.Second, 50*time.Millisecond
		_ = cfg.HashOn.UnmarshalText([]byte("query:token"))
	}, b.url())
	target := "/chat?token=" + canary
	good := handshake(target, "Cookie: token="+canary, "Authorization: Bearer "+canary)
	for _, c := range []struct {
		request string
		status  int
		answer  func(p *peer)
	}{
		{good, 101, func(p *peer) { p.upgrade() }},
		{good, 403, func(p *peer) { p.head(); p.write(head("HTTP/1.1 403 Forbidden", "Content-Length: 0")) }},
		{good, 502, func(p *peer) { p.head(); p.write("HTTP/1.1 nonsense " + canary + "\r\n\r\n") }},
		{good, 504, func(p *peer) { p.head() }},
		{head("GET "+target+" HTTP/1.1", "Host: a"), 426, nil},
		{head("GET "+target+" HTTP/1.1", "Host: "+canary+"?"), 400, nil},
		{head("GET "+target+"\x01 HTTP/1.1", "Host: a"), 400, nil},
	} {
		client := connect(t, g)
		client.write(c.request)
		if c.answer != nil {
			c.answer(b.accept())
		}
		if m := client.wantStatus(c.status); c.status != 101 && strings.Contains(m.text+string(client.rest()), canary) {
			t.Errorf("the answer of %d tells the token", c.status)
		}
		_ = client.conn.Close()
	}
	wantMetric(t, g, "weir_client_connections", 0)
	for _, path := range []string{"/metrics", "/sessions", "/endpoints", "/debug/pprof/goroutine?debug=2"} {
		if _, body := ask(t, g, "GET", path); strings.Contains(body, canary) {
			t.Errorf("%s tells the token", path)
		}
	}
	if !eventually(func() bool {
		return strings.Count(text.String(), "msg=refuse") == 6 && strings.Contains(text.String(), "msg=close")
	}) {
		t.Errorf("lines are missing:\n%s", text.String())
	}
	if strings.Contains(text.String(), canary) || !strings.Contains(text.String(), "path=/chat ") {
		t.Errorf("the logs tell the token, or not the path:\n%s", text.String())
	}
}

// TestLogLinesCannotBeForged puts control bytes wherever a client can.
func TestLogLinesCannotBeForged(t *testing.T) {
	t.Parallel()
	var text logs
	b := listen(t)
	g := startLogging(t, &text, func(cfg *config.Config) { cfg.AccessLog, cfg.CloseTimeout = config.AccessText, 50*time.Millisecond }, b.url())
	for _, request := range []string{
		handshake("/a\nforged=1"), handshake("/a\x1b[2Jforged=1"), handshake("/\u2028forged=1"),
		handshake("/", "Origin: a\r\n\r\nforged=1"), handshake("/%0aforged=1 x"),
		strings.Replace(handshake("/"), "weir.test", "a\tforged=1", 1), strings.Replace(handshake("/"), "weir.test", "a forged=1", 1),
	} {
		client := connect(t, g)
		client.write(request)
		if strings.HasPrefix(request, handshake("/", "Origin: a")) {
			b.accept().upgrade() // the first empty line ends it; the rest is no frame
		}
		client.head()
		_ = client.conn.Close()
	}
	client := connect(t, g)
	client.write(handshake("/%0aforged=1%22"))
	b.accept().upgrade()
	client.wantStatus(101)
	_ = client.conn.Close()
	wantMetric(t, g, "weir_client_connections", 0)
	if !eventually(func() bool { return strings.Count(text.String(), "msg=close") == 2 }) {
		t.Errorf("lines are missing:\n%s", text.String())
	}
	for line := range strings.Lines(text.String()) {
		if !strings.HasPrefix(line, "time=") || strings.Count(line, "\n") != 1 || strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\x1b\r\t\x00") {
			t.Errorf("forged: %q", line)
		}
	}
}
