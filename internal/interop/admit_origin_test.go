package interop

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"weir/gateway/config"
)

// TestForeignPages has a browser tell the origins, as nothing else can: it adds them, and the cookies of the gateway's name,
// whatever the page says. It does not tell the page why a WebSocket failed.
func TestForeignPages(t *testing.T) {
	t.Parallel()
	pages := startForeignPages(t)
	for _, c := range []struct {
		name    string
		origins []string
		cookie  bool
		host    string // of the page; the gateway's is 127.0.0.1, and a port has no say in whose cookies are sent
		in      bool
	}{
		{name: "listed", origins: []string{pages.origin("localhost")}, host: "localhost", in: true},
		{name: "not listed", origins: []string{pages.origin("localhost")}, host: "127.0.0.1"},
		{name: "same origin alone", origins: []string{"same-origin"}, host: "127.0.0.1"},
		{name: "by default, without cookies", host: "127.0.0.1", in: true},
		{name: "by default, with cookies", host: "127.0.0.1", cookie: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			book := newGuestbook()
			f := tuned(t, func(cfg *config.Config) { cfg.Origin = c.origins }, book.tunnel(t))
			p := pages.open(t, c.host)
			if c.cookie {
				p.evaluate(t, nil, "document.cookie = 'session=1'")
			}
			g := p.dial(t, f.url("/"))
			if !c.in {
				wantEvent(t, c.name, g, "close", 1006, "")
				if n := book.came.Load(); n != 0 {
					t.Errorf("%d requests came to the backend", n)
				}
				awaitMetric(t, f, 1, "weir_sessions_refused_total", `"origin_denied"`)
				return
			}
			wantEvent(t, c.name, g, "open", 0, "")
			g.send(t, 1)
			wantEvent(t, c.name, g, "message", 0, "")
		})
	}
}

// TestForeignPageAsksWithAToken: a browser's preflight comes to the backend, which lets the page ask; a 401 of the gateway's
// is read by a page that `origin` names, and by no other.
func TestForeignPageAsksWithAToken(t *testing.T) {
	t.Parallel()
	pages := startForeignPages(t)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		w.Header().Set("Access-Control-Allow-Headers", "authorization")
	}))
	t.Cleanup(backend.Close)
	f := tuned(t, func(cfg *config.Config) {
		cfg.JWTKeys, cfg.JWTAlgorithm, cfg.Origin = keyFile(t), []string{"HS256"}, []string{pages.origin("localhost")}
	}, "ws://"+backend.Listener.Addr().String())
	ask := "fetch('http://" + f.Addr + "/', { headers: { Authorization: 'Bearer %s' } }).then(answer => answer.status, () => 0)"
	for host, refused := range map[string]int{"localhost": 401, "127.0.0.1": 0} {
		p := pages.open(t, host)
		for credential, want := range map[string]int{token(t, hmacSecret, "ada", nil): 200, "none": refused} {
			var status int
			if p.evaluate(t, &status, ask, credential); status != want {
				t.Errorf("the page of %s reads status %d, want %d", host, status, want)
			}
		}
	}
}
