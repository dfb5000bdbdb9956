package interop

import (
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
