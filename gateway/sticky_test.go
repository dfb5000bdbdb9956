package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"weir/gateway/config"
)

// stickyCookie is the one that an answer sets, "" if none.
func stickyCookie(m *message) string {
	set := m.fields.Get("Set-Cookie")
	value, _, _ := strings.Cut(set, ";")
	return value
}

// TestStickyCookie keeps a client at its endpoint over both kinds of requests, as long as that is there.
func TestStickyCookie(t *testing.T) {
	t.Parallel()
	var backends [3]*httptest.Server
	var urls []string
	for i := range backends {
		backends[i] = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Upgrade") == "" {
				return
			}
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte(switching(&message{fields: r.Header})))
			_ = conn.Close()
		}))
		t.Cleanup(backends[i].Close)
		urls = append(urls, strings.Replace(backends[i].URL, "http:", "ws:", 1))
	}
	e := startTLS(t, func(cfg *config.Config) {
		cfg.StickyCookie, cfg.StickyTTL, cfg.EndpointHeader = "stay", time.Hour, "X-Endpoint"
		_ = cfg.HashOn.UnmarshalText([]byte("random"))
		cfg.HealthInterval, cfg.HealthFall = 100*time.Millisecond, 1
	}, urls...)
	visit := func(g *rig, socket bool, cookie string) *message {
		t.Helper()
		p := connect(t, g)
		defer p.conn.Close()
		if socket {
			p.write(handshake("/", "Cookie: other=1; "+cookie))
			return p.wantStatus(101)
		}
		p.write(head("GET / HTTP/1.1", "Host: weir.test", "Cookie: other=1; "+cookie))
		return p.wantStatus(200)
	}
	for _, socket := range []bool{true, false} {
		first := visit(e, socket, "")
		at, cookie := first.fields.Get("X-Endpoint"), stickyCookie(first)
		if !strings.HasPrefix(cookie, "stay=") || !strings.Contains(first.text, "; Path=/; HttpOnly; Max-Age=3600; SameSite=Lax\r\n") {
			t.Fatalf("no cookie in %q", first.text)
		}
		for i := range 10 {
			again := visit(e, i%2 == 0, cookie)
			if again.fields.Get("X-Endpoint") != at || stickyCookie(again) != "" {
				t.Errorf("moved, or told twice: %q", again.text)
			}
		}
		forged := cookie[:len(cookie)-2] + "AA"
		if got := stickyCookie(visit(e, socket, forged)); got == "" || got == forged {
			t.Errorf("a forged cookie is answered with %q", got)
		}
	}
	secure := e.secure()
	secure.write(handshake("/"))
	if m := secure.wantStatus(101); !strings.Contains(m.fields.Get("Set-Cookie"), "; Secure") {
		t.Errorf("over TLS: %q", m.text)
	}
	other := startTLS(t, func(cfg *config.Config) { cfg.StickyCookie, cfg.EndpointHeader = "stay", "X-Endpoint" }, urls...)

	first := visit(e, true, "")
	at, cookie := first.fields.Get("X-Endpoint"), stickyCookie(first)
	if got := stickyCookie(visit(other, true, cookie)); got == "" {
		t.Error("a cookie that another key has signed is taken")
	}
	for i, url := range urls {
		if url == at {
			backends[i].Close()
		}
	}
	for _, socket := range []bool{true, false} {
		moved := visit(e, socket, cookie)
		if moved.fields.Get("X-Endpoint") == at || stickyCookie(moved) == "" {
			t.Errorf("stays with the dead, or is not told: %q", moved.text)
		}
		if kept := visit(e, !socket, stickyCookie(moved)); kept.fields.Get("X-Endpoint") != moved.fields.Get("X-Endpoint") {
			t.Errorf("moved again: %q", kept.text)
		}
	}
}

// TestSameEndpoint for both kinds of requests of one client, by the same hash.
func TestSameEndpoint(t *testing.T) {
	t.Parallel()
	urls := bothKinds(t, 5)
	for _, on := range []string{"path", "header:X-User", "cookie:user", "query:user"} {
		g := start(t, func(cfg *config.Config) {
			cfg.HTTP, cfg.EndpointHeader, cfg.BalanceFactor = true, "X-Endpoint", 0
			if err := cfg.HashOn.UnmarshalText([]byte(on)); err != nil {
				t.Fatal(err)
			}
		}, urls...)
		seen := map[string]bool{}
		for _, user := range []string{"a", "b", "c", "d", "e%41", "f=g"} {
			target := "/" + user + "?user=" + user
			lines := []string{"X-User: " + user, "Cookie: user=" + user}
			socket, page := connect(t, g), connect(t, g)
			socket.write(handshake(target, lines...))
			page.write(head(append([]string{"GET " + target + " HTTP/1.1", "Host: weir.test"}, lines...)...))
			one, two := socket.wantStatus(101).fields.Get("X-Endpoint"), page.wantStatus(204).fields.Get("X-Endpoint")
			if one != two || one == "" {
				t.Errorf("%s of %s: %q and %q", on, user, one, two)
			}
			seen[one] = true
		}
		if len(seen) < 2 {
			t.Errorf("%s: all go to %v", on, seen)
		}
	}
}

// bothKinds are backends that answer one request of either kind on each connection.
func bothKinds(t testing.TB, n int) (urls []string) {
	t.Helper()
	for range n {
		b := listen(t)
		b.serve(func(p *peer) {
			defer p.conn.Close()
			serveAny(p)
		})
		urls = append(urls, b.url())
	}
	return urls
}
