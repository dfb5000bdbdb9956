package gateway_test

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"weir/gateway/config"
	"weir/gateway/routing"
)

// proxyV2 is a header of version 2 for TCP over IPv4, with a value of no interest behind the addresses.
func proxyV2(command byte, from, to string) string {
	source, destination := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	b := append([]byte("\r\n\r\n\x00\r\nQUIT\n"), 0x20|command, 0x11, 0, 12+4, 0, 0, 0, 0, 0, 0, 0, 0)
	a, z := source.Addr().As4(), destination.Addr().As4()
	copy(b[16:], a[:])
	copy(b[20:], z[:])
	b = binary.BigEndian.AppendUint16(b, source.Port())
	b = binary.BigEndian.AppendUint16(b, destination.Port())
	return string(append(b, 0xe0, 0, 1, 'x'))
}

const proxyV1 = "PROXY TCP4 192.0.2.7 198.51.100.1 4321 443\r\n"

// behindProxy trusts loopback, whose connections begin with a PROXY header.
func behindProxy(cfg *config.Config) {
	cfg.ProxyProtocol, cfg.TrustedProxies = true, []string{"127.0.0.1"}
}

// TestProxyHeader tells the client, in both versions, in clear and before TLS. It outdoes what a request claims, also where
// it names nobody: then the proxy looks at no request, and anybody could have written the fields.
func TestProxyHeader(t *testing.T) {
	t.Parallel()
	b := listen(t)
	e := startTLS(t, behindProxy, b.url())
	for _, c := range []struct{ header, client string }{
		{proxyV1, "192.0.2.7"},
		{"PROXY TCP6 2001:db8::7 2001:db8::1 1 2\r\n", "2001:db8::7"},
		{proxyV2(1, "192.0.2.8:1", "198.51.100.1:443"), "192.0.2.8"},
		{proxyV2(0, "192.0.2.8:1", "198.51.100.1:443"), "127.0.0.1"}, // LOCAL: the proxy speaks for itself
		{"PROXY UNKNOWN\r\n", "127.0.0.1"},
	} {
		want := map[string]string{"X-Forwarded-For": c.client}
		wantFields(t, told(t, e, b, c.header, "X-Forwarded-For: 6.6.6.6"), want)

		p := e.reach()
		p.write(c.header)
		client, err := p.startTLS(e.ca.clientTLS())
		if err != nil {
			t.Fatal(err)
		}
		client.write(handshake("/", "X-Forwarded-For: 6.6.6.6"))
		server := b.accept()
		wantFields(t, server.upgrade(), want)
		client.wantStatus(101)
		client.send(ws.OpText, "there")
		server.want(ws.OpText, "there")
	}
}

// TestProxyHeaderThatNamesNobody: no request of its connection is believed, the first, later ones and a handshake behind them.
func TestProxyHeaderThatNamesNobody(t *testing.T) {
	t.Parallel()
	page, _ := pages(t)
	b := listen(t)
	g := start(t, func(cfg *config.Config) {
		behindProxy(cfg)
		withHTTP(cfg)
		cfg.Allow, cfg.HTTPUpstream = []string{"192.0.2.0/24"}, []string{page}
		addRoute(cfg, "open", routing.Match{Prefixes: []string{"/open"}}, func(c *config.Config) { c.Allow = nil })
		addRoute(cfg, "inner", routing.Match{}, nil)
	}, b.url())
	lie := []string{"Host: weir.test", "X-Forwarded-For: 192.0.2.7", "Forwarded: for=192.0.2.7"}
	ask := func(path string) string { return head(append([]string{"GET " + path + " HTTP/1.1"}, lie...)...) }
	for header, inner := range map[string]int{"PROXY UNKNOWN\r\n": 403, proxyV2(0, "192.0.2.8:1", "198.51.100.1:443"): 403, "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\n": 200} {
		wantAnswer(t, g, inner, header+ask("/inner"))
		client := connect(t, g)
		client.write(header + ask("/open") + ask("/inner"))
		client.answer()
		client.wantStatus(inner)
		if inner == 200 {
			continue
		}
		client = connect(t, g)
		client.write(header + ask("/open") + handshake("/inner", lie[1:]...))
		client.answer()
		client.wantStatus(403)
	}
}

// readByNow returns when the loops have had two turns: what was sent to them over loopback before has been read.
func readByNow(t testing.TB, g *rig) {
	t.Helper()
	for range 2 {
		ask(t, g, "GET", "/sessions")
	}
}

// TestProxyHeaderSplit delivers header and request in two pieces, split at every byte of the header.
func TestProxyHeaderSplit(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { behindProxy(cfg); cfg.HandshakeTimeout = 8 * patience }, b.url())
	for _, header := range []string{proxyV1, proxyV2(1, "192.0.2.7:4321", "198.51.100.1:443")} {
		text := header + handshake("/")
		clients := make([]*peer, len(header)+1)
		for i := range clients {
			clients[i] = connect(t, g)
			clients[i].write(text[:i+1])
		}
		readByNow(t, g)
		for i, client := range clients {
			client.write(text[i+1:])
			server := b.accept()
			wantFields(t, server.upgrade(), map[string]string{"X-Forwarded-For": "192.0.2.7"})
			client.wantStatus(101)
			_ = client.conn.Close()
		}
	}
}

// TestProxyHeaderRefused: what is malformed or missing where it has to be, and what comes from just anybody.
func TestProxyHeaderRefused(t *testing.T) {
	t.Parallel()
	b := listen(t)
	e := startTLS(t, behindProxy, b.url())
	for _, c := range []struct{ bytes, reason string }{
		{handshake("/"), "proxy_header_missing"},
		{"PROXY TCP4 192.0.2.7 198.51.100.1 4321\r\n" + handshake("/"), "proxy_header_malformed"},
		{"PROXY TCP4 192.0.2.7 198.51.100.1 4321 443 " + strings.Repeat(" ", 100), "proxy_header_malformed"},
		{proxyV2(1, "192.0.2.7:1", "198.51.100.1:443")[:14] + "\xff\xff", "proxy_header_too_long"},
		{proxyV2(7, "192.0.2.7:1", "198.51.100.1:443"), "proxy_header_malformed"},
		{e.hello(), "proxy_header_missing"},
	} {
		series := `weir_sessions_refused_total{reason="` + c.reason + `"}`
		for _, p := range []*peer{connect(t, e), e.reach()} {
			before := metric(t, e, series)
			p.write(c.bytes)
			p.wantEnd()
			wantMetric(t, e, series, before+1)
		}
	}
	stranger := startTLS(t, func(cfg *config.Config) {
		cfg.ProxyProtocol, cfg.TrustedProxies = true, []string{"10.0.0.0/8"}
	}, b.url())
	for _, header := range []string{proxyV1, proxyV2(1, "192.0.2.7:1", "198.51.100.1:443")} {
		for _, p := range []*peer{connect(t, stranger), stranger.reach()} {
			p.write(header + handshake("/"))
			p.wantStatus(400)
		}
	}
	b.wantUntouched()
	wantFields(t, told(t, stranger, b, ""), map[string]string{"X-Forwarded-For": "127.0.0.1"})
}
