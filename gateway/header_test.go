package gateway_test

import (
	"slices"
	"strings"
	"testing"

	"weir/gateway/config"
)

// exchange makes one handshake and returns what the backend was asked and what the client was answered.
func exchange(t *testing.T, change func(*config.Config), lines, answer []string) (asked, answered *message, b *backend) {
	t.Helper()
	b = listen(t)
	g := start(t, change, b.url())
	client := connect(t, g)
	client.write(handshake("/chat?a=1&b=%20", lines...))
	asked = b.accept().upgrade(answer...)
	return asked, client.wantStatus(101), b
}

func wantField(t *testing.T, m *message, name string, want ...string) {
	t.Helper()
	if got := m.fields.Values(name); !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q in\n%s", name, got, want, m.text)
	}
}

func TestRequestIsRebuilt(t *testing.T) {
	t.Parallel()
	asked, answered, _ := exchange(t, func(cfg *config.Config) { cfg.Origin = []string{"https://good.test"} },
		[]string{"Origin: https://good.test", "Sec-WebSocket-Protocol: chat, superchat", "Cookie: a=1; b=2", "Authorization: Bearer x",
			"Sec-WebSocket-Extensions: permessage-deflate"},
		[]string{"Sec-WebSocket-Protocol: chat", "Set-Cookie: a=1", "Set-Cookie: b=2", "Sec-WebSocket-Extensions: permessage-deflate"})
	if asked.first != "GET /chat?a=1&b=%20 HTTP/1.1" {
		t.Errorf("asked for %q", asked.first)
	}
	wantField(t, asked, "Host", "weir.test")
	wantField(t, asked, "Origin", "https://good.test")
	wantField(t, asked, "Sec-Websocket-Protocol", "chat, superchat")
	wantField(t, asked, "Cookie", "a=1; b=2")
	wantField(t, asked, "Authorization", "Bearer x")
	wantField(t, answered, "Sec-Websocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
	wantField(t, answered, "Sec-Websocket-Protocol", "chat")
	wantField(t, answered, "Set-Cookie", "a=1", "b=2")
	wantField(t, answered, "Sec-Websocket-Extensions", "permessage-deflate")
}

// TestForgedForwarded claims another origin of the request: where it comes from is for us to say.
func TestForgedForwarded(t *testing.T) {
	t.Parallel()
	asked, _, _ := exchange(t, nil, []string{"X-Forwarded-For: 6.6.6.6", "x-forwarded-for: 7.7.7.7", "X_Forwarded_For: 8.8.8.8",
		"X-Forwarded-Proto: https", "X-Forwarded-Host: evil.test", "X-Forwarded-Server: evil", "Forwarded: for=6.6.6.6", "X-Real-IP: 6.6.6.6"}, nil)
	wantField(t, asked, "X-Forwarded-For", "127.0.0.1")
	wantField(t, asked, "X-Real-Ip", "127.0.0.1")
	wantField(t, asked, "X-Forwarded-Proto", "http")
	wantField(t, asked, "X-Forwarded-Host", "weir.test")
	wantField(t, asked, "Forwarded")
	if strings.Contains(asked.text, "6.6.6.6") || strings.Contains(asked.text, "8.8.8.8") || strings.Contains(asked.text, "evil") {
		t.Errorf("a forged value went through:\n%s", asked.text)
	}
}

// TestHopByHop fields are for us alone, and cannot be used to take others away.
func TestHopByHop(t *testing.T) {
	t.Parallel()
	asked, answered, _ := exchange(t, nil,
		[]string{"Connection: X-Forwarded-For, X-Real-IP, Host, Sec-WebSocket-Key, X-Own, HTTP2-Settings", "X-Own: 1", "Keep-Alive: 5",
			"Proxy-Authorization: Basic x", "TE: trailers", "HTTP2-Settings: AAMAAABk", "Upgrade-Insecure-Requests: 1"},
		[]string{"Keep-Alive: timeout=5", "Proxy-Authenticate: Basic", "Connection: X-Inner", "X-Inner: secret", "Content-Length: 0"})
	wantField(t, asked, "Connection", "Upgrade")
	wantField(t, asked, "Upgrade", "websocket")
	wantField(t, asked, "X-Forwarded-For", "127.0.0.1")
	wantField(t, asked, "X-Real-Ip", "127.0.0.1")
	wantField(t, asked, "Host", "weir.test")
	wantField(t, asked, "Upgrade-Insecure-Requests", "1")
	for _, name := range []string{"X-Own", "Keep-Alive", "Proxy-Authorization", "Te", "Http2-Settings"} {
		wantField(t, asked, name)
	}
	for _, name := range []string{"Keep-Alive", "Proxy-Authenticate", "X-Inner", "Content-Length"} {
		wantField(t, answered, name)
	}
}

// TestNoH2C offers h2c beside websocket: the backend never hears of it.
func TestNoH2C(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, nil, b.url())
	client := connect(t, g)
	client.write(strings.Replace(handshake("/", "HTTP2-Settings: AAMAAABk"), "Upgrade: websocket", "Upgrade: h2c, websocket", 1))
	asked := b.accept().upgrade()
	client.wantStatus(101)
	wantField(t, asked, "Upgrade", "websocket")
	wantField(t, asked, "Http2-Settings")
}

func TestHeaderRules(t *testing.T) {
	t.Parallel()
	asked, answered, b := exchange(t, func(cfg *config.Config) {
		cfg.RequestHeader = []string{"set X-Team: blue", "add X-Via: weir", "remove X-Debug", "remove X-Forwarded-Proto"}
		cfg.ResponseHeader = []string{"remove Server", "set X-Frame: deny", "add Set-Cookie: c=3"}
		cfg.UpstreamHost, cfg.EndpointHeader = "inner.test:9000", "X-Endpoint"
	}, []string{"X-Team: red", "X-Via: other", "X-Debug: 1", "X-Endpoint: forged"}, []string{"Server: leaky/1.0", "Set-Cookie: a=1"})
	wantField(t, asked, "X-Team", "blue")
	wantField(t, asked, "X-Via", "other", "weir")
	wantField(t, asked, "X-Debug")
	wantField(t, asked, "X-Forwarded-Proto")
	wantField(t, asked, "Host", "inner.test:9000")
	wantField(t, asked, "X-Forwarded-Host", "weir.test")
	wantField(t, answered, "Server")
	wantField(t, answered, "X-Frame", "deny")
	wantField(t, answered, "Set-Cookie", "a=1", "c=3")
	wantField(t, answered, "X-Endpoint", b.url())
}

// TestForwardedOff leaves the client's word alone, for gateways behind a proxy that is trusted.
func TestForwardedOff(t *testing.T) {
	t.Parallel()
	asked, _, _ := exchange(t, func(cfg *config.Config) { cfg.Forwarded = false }, []string{"X-Forwarded-For: 10.0.0.1"}, nil)
	wantField(t, asked, "X-Forwarded-For", "10.0.0.1")
	wantField(t, asked, "X-Real-Ip")
}
