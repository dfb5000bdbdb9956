package gateway_test

import (
	"io"
	"net/http"
	"testing"

	"weir/gateway/config"
	"weir/gateway/routing"
)

// TestPathsGetPastNobody: a path that a backend may read as one of a guarded route is refused in every protocol, and a route
// of another host, or one that says so, gets such paths as they came.
func TestPathsGetPastNobody(t *testing.T) {
	t.Parallel()
	page, _ := pages(t)
	service := serve(t, false, func(http.ResponseWriter, *http.Request) {})
	keys, _ := lists(t)
	e := startTLS(t, func(cfg *config.Config) {
		host := func(name string) routing.Match { return routing.Match{Hosts: []string{name}} }
		addRoute(cfg, "files", host("files.weir.test"), nil)
		addRoute(cfg, "asked", host("asked.weir.test"), func(c *config.Config) { c.AuthURL = service.URL })
		addRoute(cfg, "told", host("told.weir.test"), func(c *config.Config) { c.AuthURL, c.PathEncoded = service.URL, config.EncodedPass })
		addRoute(cfg, "admin", routing.Match{Prefixes: []string{"/admin"}}, func(c *config.Config) { c.APIKeys = keys })
		addRoute(cfg, "pass", routing.Match{Prefixes: []string{"/pass"}}, func(c *config.Config) { c.PathEncoded = config.EncodedPass })
		addRoute(cfg, "rest", routing.Match{}, nil)
	}, page)
	h2 := &http.Transport{TLSClientConfig: e.ca.clientTLS(), ForceAttemptHTTP2: true}
	t.Cleanup(h2.CloseIdleConnections)
	over2 := func(host, path string) int {
		q, _ := http.NewRequest("GET", "https://"+e.secureAddr()+"/", nil)
		q.Host, q.URL.Opaque = host, "//"+host+path // so that the path is sent as it is
		answer, err := h2.RoundTrip(q)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		if answer.ProtoMajor != 2 {
			t.Fatal(answer.Proto)
		}
		return answer.StatusCode
	}
	for _, c := range []struct {
		host, path string
		status     int
	}{
		{"weir.test", "/x", 200}, {"weir.test", "/admin", 401}, {"weir.test", "/%61dmin", 401}, {"weir.test", "/pass/a%2Fb;c/%c0%af", 200},
		{"weir.test", "/admin;x/users", 400}, {"weir.test", "/admin%3Bx", 400}, {"weir.test", "/x/..%2fadmin", 400}, {"weir.test", "//x/admin", 400}, {"weir.test", "/x/%c0%ae%c0%ae/admin", 400},
		{"weir.test", "/pass/..;/admin", 400}, {"weir.test", "/pass/..%2fadmin", 400}, {"weir.test", "/pass%2f..%2fx", 400}, {"weir.test", "/ADMIN/x", 400}, {"weir.test", "/%2561dmin", 400},
		{"files.weir.test", "/a%2Fb;c/..//admin", 200}, {"files.weir.test", "/ADMIN", 200},
		{"asked.weir.test", "/a", 200}, {"asked.weir.test", "/a%2Fb", 400}, {"asked.weir.test", "/a;b", 400}, {"told.weir.test", "/a%2Fb//c;d", 200},
	} {
		first := wantAnswer(t, e, c.status, head("GET "+c.path+" HTTP/1.1", "Host: "+c.host, "Connection: close"))
		later := connect(t, e)
		later.write(head("GET /x HTTP/1.1", "Host: files.weir.test"))
		later.answer()
		later.write(head("GET "+c.path+" HTTP/1.1", "Host: "+c.host))
		if m := later.head(); m.first != first.first {
			t.Errorf("%s%s: %q behind another request, %q as the first", c.host, c.path, m.first, first.first)
		}
		if got := over2(c.host, c.path); got != c.status {
			t.Errorf("%s%s over HTTP/2: %d, want %d", c.host, c.path, got, c.status)
		}
		socket := connect(t, e)
		socket.write(handshakeFor(c.host, c.path))
		if m := socket.head(); c.status != 200 && m.first != first.first {
			t.Errorf("%s%s: a WebSocket gets %q, a plain request %q", c.host, c.path, m.first, first.first)
		}
		_ = socket.conn.Close()
	}
	// What passes does as it came.
	const odd = "/pass/a%2Fb;c//d/."
	p := connect(t, e)
	p.write(head("GET "+odd+" HTTP/1.1", "Host: weir.test", "Connection: close"))
	if _, body := p.answer(); body != "GET "+odd+" " {
		t.Errorf("the backend was asked for %q", body)
	}
}
