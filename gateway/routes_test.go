package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
	"weir/gateway/routing"
)

// handshakeFor is a handshake for another host.
func handshakeFor(host, target string, lines ...string) string {
	return strings.Replace(handshake(target, lines...), "weir.test", host, 1)
}

// TestRoutes takes the first that matches; each has its own backends, for both kinds of requests.
func TestRoutes(t *testing.T) {
	t.Parallel()
	chat, files, beta, rest := listen(t), listen(t), listen(t), listen(t)
	e := startTLS(t, func(cfg *config.Config) {
		to := func(b *backend) func(*config.Config) {
			return func(c *config.Config) { c.Upstream = []string{b.url()} }
		}
		addRoute(cfg, "beta", routing.Match{Headers: []string{"X-Beta: yes"}}, to(beta))
		addRoute(cfg, "chat", routing.Match{Hosts: []string{"chat.weir.test"}, Prefixes: []string{"/room"}}, to(chat))
		addRoute(cfg, "files", routing.Match{Hosts: []string{"*.weir.test"}, Queries: []string{"file"}}, to(files))
		addRoute(cfg, "rest", routing.Match{Paths: []string{"/rest"}}, to(rest))
	}, rest.url())
	for _, c := range []struct {
		host, target string
		lines        []string
		to           *backend
	}{
		{"chat.weir.test", "/room/1", nil, chat},
		{"CHAT.weir.test:443", "/room", nil, chat},
		{"chat.weir.test", "/room/1", []string{"X-Beta: yes"}, beta},
		{"chat.weir.test", "/roomy?file=1", nil, files},
		{"a.weir.test", "/room?file=1", nil, files},
		{"other.test", "/rest", nil, rest},
		{"other.test", "/r%65st", nil, rest},
		{"other.test", "/rest/of", nil, nil},
		{"weir.test", "/?file=1", nil, nil},
	} {
		socket, page := connect(t, e), e.secure()
		socket.write(handshakeFor(c.host, c.target, c.lines...))
		page.write(head(append([]string{"GET " + c.target + " HTTP/1.1", "Host: " + c.host}, c.lines...)...))
		if c.to == nil {
			socket.wantStatus(404)
			page.wantStatus(404)
			continue
		}
		server := c.to.accept()
		request := server.head()
		if strings.Contains(request.text, "Sec-WebSocket-Key") {
			server.write(switching(request))
			server = c.to.accept()
			request = server.head()
		} else {
			c.to.accept().upgrade()
		}
		server.write(head("HTTP/1.1 204 No Content"))
		socket.wantStatus(101)
		page.wantStatus(204)
		if want := "GET " + c.target + " HTTP/1.1"; request.first != want {
			t.Errorf("asked for %q, want %q", request.first, want)
		}
		_ = server.conn.Close()
	}
	wantMetric(t, e, `weir_sessions_refused_total{reason="no_route"}`, 4)
	if routed := connect(t, e); routed != nil { // paths that backends may read in another way
		routed.write(handshakeFor("chat.weir.test", "/room/../rest"))
		routed.wantStatus(400)
	}
}

// TestRouteValues are a route's own: limits, timeouts, header rules, rewriting.
func TestRouteValues(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) {
		cfg.CloseTimeout = 200 * time.Millisecond
		addRoute(cfg, "small", routing.Match{Prefixes: []string{"/small"}}, func(c *config.Config) { c.MaxMessageSize = 200 })
		addRoute(cfg, "brief", routing.Match{Prefixes: []string{"/brief"}}, func(c *config.Config) { c.IdleTimeout = 150 * time.Millisecond })
		addRoute(cfg, "named", routing.Match{Prefixes: []string{"/named"}}, func(c *config.Config) {
			c.RequestHeader, c.ResponseHeader = []string{"set X-Team: blue", "set Host: inner.test"}, []string{"add X-Via: weir"}
			c.PathRewrite = "^/named/(.*)$ /$1"
			c.Forwarded, c.ForwardedStandard = true, true
		})
		addRoute(cfg, "rest", routing.Match{}, nil)
	}, b.url())
	open := func(path string) (client, server *peer, request, answer *message) {
		client = connect(t, g)
		client.write(handshake(path))
		server = b.accept()
		request = server.upgrade()
		return client, server, request, client.wantStatus(101)
	}
	big := strings.Repeat("b", 201)

	client, server, _, _ := open("/small")
	client.send(ws.OpText, big[:200])
	server.want(ws.OpText, big[:200])
	client.send(ws.OpText, big)
	client.wantClose(1009)

	client, _, _, _ = open("/brief")
	client.wantClose(1001)

	client, server, request, answer := open("/named/a/b?c=d")
	if request.first != "GET /a/b?c=d HTTP/1.1" {
		t.Errorf("asked for %q", request.first)
	}
	wantFields(t, request, map[string]string{"X-Team": "blue", "Host": "inner.test",
		"Forwarded": "for=127.0.0.1;proto=http;host=weir.test", "X-Forwarded-Host": "weir.test"})
	wantFields(t, answer, map[string]string{"X-Via": "weir"})
	client.send(ws.OpText, big)
	server.want(ws.OpText, big)

	client, server, request, answer = open("/other")
	wantFields(t, request, map[string]string{"X-Team": "", "Host": "weir.test", "Forwarded": ""})
	wantFields(t, answer, map[string]string{"X-Via": ""})
	client.send(ws.OpText, big)
	server.want(ws.OpText, big)
}

// TestFleetsAreShared by routes that say the same of the same backends: one set of checks, one of figures.
func TestFleetsAreShared(t *testing.T) {
	t.Parallel()
	var checks [2]atomic.Int64
	var urls [2]string
	for i := range urls {
		srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/check" {
				checks[i].Add(1)
			}
		}))
		t.Cleanup(srv.Close)
		urls[i] = strings.Replace(srv.URL, "http:", "ws:", 1)
	}
	g := start(t, func(cfg *config.Config) {
		cfg.HealthInterval, cfg.HealthPath, cfg.HTTP = time.Hour, "/check", true // the first check comes at once
		addRoute(cfg, "a", routing.Match{Prefixes: []string{"/a"}}, nil)
		addRoute(cfg, "b", routing.Match{Prefixes: []string{"/b"}}, func(c *config.Config) { c.MaxMessageSize = 1000 })
		addRoute(cfg, "c", routing.Match{}, func(c *config.Config) { c.Upstream, c.HTTPUpstream = urls[1:], urls[:1] })
	}, urls[0])
	if !eventually(func() bool { return checks[0].Load() > 0 && checks[1].Load() > 0 }) {
		t.Fatal("nothing is checked")
	}
	var list []map[string]any
	wantJSON(t, g, "/endpoints", &list)
	if len(list) != 2 {
		t.Errorf("%d endpoints: %v", len(list), list)
	}
	g.Drain()
	await(t, stopped(t, g), "the end")
	if a, b := checks[0].Load(), checks[1].Load(); a != 1 || b != 1 {
		t.Errorf("%d and %d checks were made", a, b)
	}
}

// TestRequireTLS refuses requests in clear, or sends those that can follow to https.
func TestRequireTLS(t *testing.T) {
	t.Parallel()
	b := listen(t)
	for _, c := range []struct {
		how           config.RequireTLS
		page, socket  int
		host, pageURL string
	}{
		{config.RequireTLSRefuse, 403, 403, "weir.test", ""},
		{config.RequireTLSRedirect, 308, 403, "weir.test", "https://weir.test/a%20b//c?d=e&f=%2F"},
		{config.RequireTLSRedirect, 308, 403, "weir.test:8080", "https://weir.test/a%20b//c?d=e&f=%2F"},
		{config.RequireTLSRedirect, 308, 403, "[::1]:8080", "https://[::1]/a%20b//c?d=e&f=%2F"},
	} {
		e := startTLS(t, func(cfg *config.Config) { cfg.RequireTLS = c.how }, b.url())
		const target = "/a%20b//c?d=e&f=%2F"
		page, socket := connect(t, e), connect(t, e)
		page.write(head("POST "+target+" HTTP/1.1", "Host: "+c.host, "X-Forwarded-Proto: https", "Content-Length: 0"))
		if got := page.wantStatus(c.page).fields.Get("Location"); got != c.pageURL {
			t.Errorf("%s: sent to %q, want %q", c.how, got, c.pageURL)
		}
		socket.write(handshakeFor(c.host, target, "X-Forwarded-Proto: https"))
		if m := socket.wantStatus(c.socket); m.fields.Get("Location") != "" {
			t.Errorf("%s: a WebSocket is redirected: %q", c.how, m.text)
		}
		b.wantUntouched()
		secure := e.secure()
		secure.write(handshake(target))
		b.accept().upgrade()
		secure.wantStatus(101)
		reason := map[int]string{403: "tls_required", 308: "redirected_to_tls"}[c.page]
		if n := metric(t, e, `weir_sessions_refused_total{reason="`+reason+`"}`); n == 0 {
			t.Errorf("%s is not counted", reason)
		}
	}
	behind := start(t, func(cfg *config.Config) {
		cfg.RequireTLS, cfg.TrustedProxies = config.RequireTLSRedirect, []string{"127.0.0.1"}
	}, b.url())
	told(t, behind, b, "", "X-Forwarded-Proto: https") // a proxy of ours has done it
	told(t, behind, b, "", "Forwarded: for=192.0.2.1;proto=https")
	for _, lines := range [][]string{nil, {"X-Forwarded-Proto: http"}, {"X-Forwarded-Proto: http", "X-Forwarded-Proto: https"}} {
		p := connect(t, behind)
		p.write(handshake("/", lines...))
		p.wantStatus(403)
	}
}
