package gateway_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/gateway/config"
	"weir/gateway/routing"
)

// plain HTTP behind a trusted proxy.
func TestPlainBehindProxy(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) {
		withHTTP(cfg)
		cfg.TrustedProxies, cfg.RequireTLS = []string{"127.0.0.1"}, config.RequireTLSRedirect
	}, b.url())
	proxy := connect(t, g) // carries the requests of several clients
	var server *peer
	for i, client := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.1"} {
		proxy.write(head("GET / HTTP/1.1", "Host: inner.test", "X-Forwarded-For: "+client, "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.test"))
		if server == nil {
			_ = b.ln.SetDeadline(time.Now().Add(300 * time.Millisecond))
			conn, err := b.ln.Accept()
			if err != nil {
				m := proxy.head()
				t.Fatalf("request %d was not passed on: %s", i, m.text)
			}
			server = newPeer(t, conn, false)
		}
		m := server.head()
		wantFields(t, m, map[string]string{"X-Forwarded-For": client + ", 127.0.0.1", "X-Real-Ip": client, "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.test"})
		server.write(head("HTTP/1.1 200 OK", "Content-Length: 0"))
		proxy.wantStatus(200)
	}
	proxy.write(handshake("/", "X-Forwarded-For: 192.0.2.3", "X-Forwarded-Proto: https"))
	server = b.accept()
	wantFields(t, server.upgrade(), map[string]string{"X-Forwarded-For": "192.0.2.3, 127.0.0.1"})
	proxy.wantStatus(101)
}

func TestPlainBehindProxyNoRequire(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) {
		withHTTP(cfg)
		cfg.TrustedProxies = []string{"127.0.0.1"}
	}, b.url())
	proxy := connect(t, g)
	var server *peer
	for _, client := range []string{"192.0.2.1", "192.0.2.2"} {
		proxy.write(head("GET / HTTP/1.1", "Host: inner.test", "X-Forwarded-For: "+client, "X-Forwarded-Proto: https"))
		if server == nil {
			server = b.accept()
		}
		wantFields(t, server.head(), map[string]string{"X-Forwarded-For": client + ", 127.0.0.1", "X-Forwarded-Proto": "https"})
		server.write(head("HTTP/1.1 200 OK", "Content-Length: 0"))
		proxy.wantStatus(200)
	}
	proxy.write(handshake("/", "X-Forwarded-For: 192.0.2.3"))
	server = b.accept()
	wantFields(t, server.upgrade(), map[string]string{"X-Forwarded-For": "192.0.2.3, 127.0.0.1"})
}

// one too many gets an answer.
func TestMaxHTTPConnectionsAnswers(t *testing.T) {
	t.Parallel()
	url, _ := pages(t)
	var text logs
	e := startTLSLogging(t, &text, func(cfg *config.Config) { cfg.MaxHTTPConnections, cfg.AccessLog = 1, config.AccessText }, url)
	holder := connect(t, e)
	holder.write(strings.Replace(get, "/", "/slow", 1))
	wantMetric(t, e, "weir_http_connections", 1)
	for _, secure := range []bool{false, true} {
		p := e.open(secure)
		p.write(get)
		if rest := string(p.rest()); !strings.HasPrefix(rest, "HTTP/1.1 503 ") {
			t.Errorf("tls %t: got %q", secure, rest)
		}
	}
	if !eventually(func() bool { return strings.Count(text.String(), "reason=too_many_connections") == 2 }) {
		t.Error("not logged")
	}
}

// a site that requires a certificate is not served in clear.
func TestCertificateSiteInClear(t *testing.T) {
	t.Parallel()
	b := listen(t)
	clients := newAuthority(t)
	e := startTLS(t, func(cfg *config.Config) {
		cfg.Sites = []config.Site{{Names: []string{"admin.weir.test"}, ClientAuth: config.ClientAuthRequire, ClientCA: clients.file}}
	}, b.url())
	p := connect(t, e)
	p.write(handshakeFor("admin.weir.test", "/"))
	p.wantStatus(403)
	b.wantUntouched()
}

// routes with other checks have fleets of their own.
func TestFleetsDiffer(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) {
		addRoute(cfg, "a", routing.Match{Prefixes: []string{"/a"}}, func(c *config.Config) { c.HealthPath, c.HealthInterval = "/check", 15*time.Second })
		addRoute(cfg, "b", routing.Match{}, func(c *config.Config) { c.HealthPath, c.HealthInterval = "/check1", 5*time.Second })
	}, b.url())
	var list []map[string]any
	wantJSON(t, g, "/endpoints", &list)
	if len(list) != 2 {
		t.Errorf("%d endpoints: %v", len(list), list)
	}
}

// what net/http escapes or cuts in another way.
func TestSameEndpointOddly(t *testing.T) {
	t.Parallel()
	urls := bothKinds(t, 7)
	for _, c := range []struct{ on, target, line string }{
		{"path", "/{room}", "X: y"}, {"path", "/a|b", "X: y"}, {"path", "/a^", "X: y"}, {"path", "/a\"b", "X: y"}, {"path", "/a%zz", "X: y"},
		{"cookie:user", "/", `Cookie: user="quoted"`}, {"cookie:user", "/", `Cookie: user=a,b`}, {"cookie:user", "/", `Cookie: user=a b`}, {"cookie:user", "/", `Cookie: user=a"b`},
		{"cookie:user", "/", `Cookie: user=; user=b`},
		{"header:Host", "/", "X: y"}, {"header:Host", "/2", "X: y"},
	} {
		g := start(t, func(cfg *config.Config) {
			cfg.HTTP, cfg.EndpointHeader, cfg.BalanceFactor = true, "X-Endpoint", 0
			if err := cfg.HashOn.UnmarshalText([]byte(c.on)); err != nil {
				t.Fatal(err)
			}
		}, urls...)
		socket, page := connect(t, g), connect(t, g)
		socket.write(handshake(c.target, c.line))
		page.write(head("GET "+c.target+" HTTP/1.1", "Host: weir.test", c.line))
		one, two := socket.head(), page.head()
		if a, b := one.fields.Get("X-Endpoint"), two.fields.Get("X-Endpoint"); a != b {
			t.Errorf("%v: %q and %q (%s, %s)", c, a, b, one.first, two.first)
		}
	}
}

// an identity is told where the name's own rules have made it.
func TestIdentityOfAnotherSite(t *testing.T) {
	t.Parallel()
	b := listen(t)
	clients := newAuthority(t)
	e := startTLS(t, func(cfg *config.Config) {
		cfg.TLSClientHeader = "X-Client"
		cfg.Sites = []config.Site{{Names: []string{"admin.weir.test"}, ClientAuth: config.ClientAuthAsk, ClientCA: clients.file}}
	}, b.url())
	certificate := clients.client("robot")
	s := e.secure(func(c *tls.Config) { c.ServerName, c.Certificates = "admin.weir.test", []tls.Certificate{certificate} })
	s.write(handshake("/"))
	server := b.accept()
	wantFields(t, server.upgrade(), map[string]string{"X-Client": ""})
}

// clients of a unix socket have no address that they could share.
func TestUnixPerIP(t *testing.T) {
	t.Parallel()
	dir, _ := os.MkdirTemp("", "weir")
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	b := listen(t)
	start(t, func(cfg *config.Config) { cfg.Listen, cfg.MaxConnectionsPerIP = []string{"unix:" + path}, 1 }, b.url())
	for i := range 2 {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, handshake("/"))
		_ = b.ln.SetDeadline(time.Now().Add(300 * time.Millisecond))
		up, err := b.ln.Accept()
		if err != nil {
			t.Fatalf("client %d was refused", i)
		}
		newPeer(t, up, false).upgrade()
	}
}

// per-IP limits when a trusted proxy's connection serves plain requests of several clients.
func TestProxyH2Limit(t *testing.T) {
	t.Parallel()
	url, _ := pages(t)
	e := startTLS(t, func(cfg *config.Config) { cfg.MaxConnectionsPerIP, cfg.TrustedProxies = 1, []string{"127.0.0.1"} }, url)
	for i := range 2 {
		s := e.secure(func(c *tls.Config) { c.NextProtos = []string{"h2"} })
		_, _ = s.conn.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"))
		_ = s.conn.SetReadDeadline(time.Now().Add(2 * time.Second))
		if _, err := s.in.ReadByte(); err != nil {
			t.Errorf("connection %d of a trusted proxy: %v", i, err)
		}
	}
}
