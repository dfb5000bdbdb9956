package gateway_test

import (
	"strings"
	"testing"
	"time"

	"weir/gateway/config"
	"weir/gateway/routing"
)

// TestRoutesShareAGate where they ask for the same: one key set is fetched once, a broken file is told of once, and
// whoever asks for something else gets a gate of its own.
func TestRoutesShareAGate(t *testing.T) {
	t.Parallel()
	s := serve(t, false, text(keySet(t)))
	deny := fileOf(t, "192.0.2.0/24\n")
	b := listen(t)
	var out logs
	g := startLogging(t, &out, func(cfg *config.Config) {
		takeRemote(cfg, s)
		cfg.DenyFile, cfg.TrustedProxies = deny, []string{"127.0.0.1"}
		for _, path := range []string{"/a", "/b", "/c"} {
			addRoute(cfg, path, routing.Match{Prefixes: []string{path}}, nil)
		}
		addRoute(cfg, "open", routing.Match{Prefixes: []string{"/open"}}, func(c *config.Config) { c.JWTJWKSURL = "" })
		addRoute(cfg, "strict", routing.Match{}, func(c *config.Config) { c.JWTIssuer = []string{"us"} })
	}, b.url())
	good := bearer(token(t, "ES256", nil))
	for _, path := range []string{"/a", "/b", "/c"} {
		client, _, _ := enter(t, g, b, handshake(path, good))
		_ = client.conn.Close()
	}
	client, _, _ := enter(t, g, b, handshake("/open"))
	_ = client.conn.Close()
	wantAnswer(t, g, 401, handshake("/", good))
	wantAnswer(t, g, 401, handshake("/a"))
	wantAnswer(t, g, 403, handshake("/open", "X-Forwarded-For: 192.0.2.7"))
	if n := s.asked.Load(); n != 2 { // for three routes, and for the strict one
		t.Errorf("%d fetches of the key set", n)
	}
	rewrite(t, deny, "nonsense")
	if err := reread(g); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("reloading says %v", err)
	}
	// The routes have the list in common, whatever else they ask for. A signal counts each time, as for certificates.
	wantMetric(t, g, "weir_access_reload_failures_total", 1)
	_ = reread(g)
	wantMetric(t, g, "weir_access_reload_failures_total", 2)
	rewrite(t, deny, "198.51.100.0/24\n")
	if err := reread(g); err != nil {
		t.Error(err)
	}
	wantAnswer(t, g, 403, handshake("/a", good, "X-Forwarded-For: 198.51.100.7"))
	if !eventually(func() bool { return strings.Contains(out.String(), `msg="file reloaded" what="addresses `+deny+`"`) }) {
		t.Errorf("nothing is told of the new list:\n%s", out.String())
	}
}

// TestReloadFetchesKeys at once: who has withdrawn a key need not wait for the next time.
func TestReloadFetchesKeys(t *testing.T) {
	t.Parallel()
	s := serve(t, false, text(keySet(t)))
	b := listen(t)
	g := start(t, func(cfg *config.Config) { takeRemote(cfg, s) }, b.url())
	<-s.came
	client, _, _ := enter(t, g, b, handshake("/", bearer(token(t, "ES256", nil)))) // the first fetch is over
	_ = client.conn.Close()
	if err := reread(g); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.came:
	case <-time.After(patience):
		t.Error("no fetch")
	}
}

// TestAllowedAddressIsAmbient: a browser inside an allowed network lends its address to any page that it shows.
func TestAllowedAddressIsAmbient(t *testing.T) {
	t.Parallel()
	for name, allow := range map[string]func(*config.Config){
		"list":      func(cfg *config.Config) { cfg.Allow = []string{"127.0.0.0/8"} },
		"file":      func(cfg *config.Config) { cfg.AllowFile = fileOf(t, "127.0.0.0/8\n") },
		"deny":      func(cfg *config.Config) { cfg.Deny = []string{"192.0.2.0/24"} },
		"all pages": func(cfg *config.Config) { cfg.Allow, cfg.Origin = []string{"127.0.0.0/8"}, []string{"*"} },
	} {
		g := start(t, allow, echo(t))
		for line, in := range map[string]bool{"Origin: http://evil.test": name == "deny" || name == "all pages", "Origin: http://weir.test": true, "X-No: origin": true} {
			if got := letIn(t, g, "403", handshake("/", line)); got != in {
				t.Errorf("%s, %s: let in is %t", name, line, got)
			}
		}
	}
}

// TestAllowedAddressWithAToken: a page cannot add a token, so that where one is asked for the address lends it nothing.
func TestAllowedAddressWithAToken(t *testing.T) {
	t.Parallel()
	optional := start(t, func(cfg *config.Config) {
		takeTokens(t, cfg)
		cfg.Allow, cfg.AuthOptional = []string{"127.0.0.0/8"}, true
	}, echo(t))
	needed := start(t, func(cfg *config.Config) {
		takeTokens(t, cfg)
		cfg.Allow = []string{"127.0.0.0/8"}
	}, echo(t))
	good := bearer(token(t, "HS256", nil))
	if !letIn(t, needed, "403", handshake("/", "Origin: capacitor://localhost", good)) {
		t.Error("an app with a token is refused")
	}
	if letIn(t, optional, "403", handshake("/", "Origin: http://evil.test")) {
		t.Error("a foreign page is let in by the address alone")
	}
	if letIn(t, needed, "403", handshake("/", "Origin: http://evil.test", good, "Cookie: a=1")) {
		t.Error("a foreign page is let in with a cookie")
	}
}

// TestStickyCookieIsNoCredential: the gateway's own cookie, which a browser sends to it from any page, lets nobody in. It
// counts by its name alone, on all routes of a host, whether or not it is signed; what tokens are read from is no such cookie.
func TestStickyCookieIsNoCredential(t *testing.T) {
	t.Parallel()
	g := start(t, func(cfg *config.Config) {
		cfg.StickyCookie = "seat"
		addRoute(cfg, "other", routing.Match{Prefixes: []string{"/other"}}, func(c *config.Config) { c.StickyCookie = "chair" })
		addRoute(cfg, "token", routing.Match{Prefixes: []string{"/token"}}, func(c *config.Config) { takeTokens(t, c, "cookie:chair") })
		addRoute(cfg, "rest", routing.Match{}, nil)
	}, echo(t))
	foreign := "Origin: https://app.weir.test"
	first := connect(t, g)
	first.write(handshake("/", foreign))
	cookie, _, _ := strings.Cut(first.wantStatus(101).fields.Get("Set-Cookie"), ";")
	if !strings.HasPrefix(cookie, "seat=") {
		t.Fatalf("the cookie is %q", cookie)
	}
	for line, in := range map[string]bool{
		"Cookie: " + cookie:             true,
		"Cookie: seat=forged":           true,
		"Cookie: seat; ; chair=1;":      true,
		"Cookie: chair=1":               true,
		"Cookie: " + cookie + "; a=1":   false,
		"Cookie: a=1; " + cookie:        false,
		"Cookie: seats=1":               false,
		"Cookie: Seat=1":                false,
		"Cookie: =seat":                 false,
		"Cookie: \"seat=1; a\"":         false,
		"Cookie: seat=1\r\ncookie: a=1": false,
	} {
		for _, path := range []string{"/", "/other"} {
			if got := letIn(t, g, "403", handshake(path, foreign, line)); got != in {
				t.Errorf("%s with %s: let in is %t", path, line, got)
			}
		}
	}
	wantAnswer(t, g, 403, handshake("/token", foreign, "Cookie: chair="+token(t, "HS256", nil)))
	wantAnswer(t, g, 401, handshake("/token", foreign, "Cookie: seat=1")) // the page may ask, and is nobody
}
