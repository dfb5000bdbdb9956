package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"weir/gateway/config"
	"weir/gateway/routing"
	"weir/internal/freeport"
)

const preflight = "OPTIONS /api?token=t&a=1 HTTP/1.1\r\nHost: weir.test\r\nOrigin: https://app.test\r\nAccess-Control-Request-Method: POST\r\n"

// TestPreflights pass without a credential, which they cannot have, and with nothing that was not looked at; whatever
// brings more than a browser sends is asked for it.
func TestPreflights(t *testing.T) {
	t.Parallel()
	came := make(chan *http.Request, 1)
	page := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "https://app.test")
		w.WriteHeader(http.StatusNoContent)
		came <- r
	})
	keys, _ := lists(t)
	e := startTLS(t, func(cfg *config.Config) {
		takeTokens(t, cfg, "header", "query:token", "header:X-Token")
		cfg.APIKeys, cfg.JWTHeader, cfg.TrustedProxies, cfg.Deny = keys, []string{"sub X-User"}, []string{"127.0.0.1"}, []string{"192.0.2.1"}
		addRoute(cfg, "checked", routing.Match{Hosts: []string{"checked.test"}}, func(c *config.Config) { c.AuthPreflight = config.PreflightCheck })
		addRoute(cfg, "options", routing.Match{Hosts: []string{"two.test"}, Methods: []string{"OPTIONS"}}, func(c *config.Config) { c.JWTKeys, c.APIKeys, c.JWTHeader = "", "", nil })
		addRoute(cfg, "rest", routing.Match{}, nil)
	}, page.URL)
	pass := func(request string) *http.Request {
		t.Helper()
		m := wantAnswer(t, e, 204, request)
		wantField(t, m, "Access-Control-Allow-Origin", "https://app.test")
		return <-came
	}
	r := pass(preflight + "Access-Control-Request-Headers: authorization\r\nX-User: eve\r\nX-API-Key: key\r\nX-Token: t\r\nX-Other: kept\r\n\r\n")
	for name, want := range map[string]string{"X-User": "", "X-API-Key": "", "X-Token": "", "X-Other": "kept", "Access-Control-Request-Method": "POST", "Origin": "https://app.test"} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s came as %q, want %q", name, got, want)
		}
	}
	if r.Method != "OPTIONS" || r.RequestURI != "/api?a=1" {
		t.Errorf("asked for %s %s", r.Method, r.RequestURI)
	}
	for line, status := range map[string]int{
		"Authorization: Basic eDp5": 401, "Authorization: Bearer t": 401, "Cookie: a=1": 401, "Content-Length: 1": 401, "Transfer-Encoding: chunked": 401,
		"Origin: https://b.test": 401, "Access-Control-Request-Method: PUT": 401, "X-Forwarded-For: 192.0.2.1": 403, "Content-Length: 0": 204, bearer(token(t, "HS256", nil)): 204,
	} {
		if status == 204 {
			pass(preflight + line + "\r\n\r\n")
			continue
		}
		wantAnswer(t, e, status, preflight+line+"\r\n\r\n")
	}
	for _, gone := range []string{"Origin: https://app.test\r\n", "Access-Control-Request-Method: POST\r\n"} {
		wantAnswer(t, e, 401, strings.Replace(preflight, gone, "", 1)+"\r\n")
	}
	wantAnswer(t, e, 401, strings.Replace(preflight, "OPTIONS", "POST", 1)+"\r\n")
	wantAnswer(t, e, 401, strings.Replace(preflight, "weir.test", "checked.test", 1)+"\r\n")
	pass(strings.Replace(preflight, "weir.test", "two.test", 1) + "\r\n")
	wantAnswer(t, e, 401, head("GET /api HTTP/1.1", "Host: two.test"))

	over2 := &http.Client{Transport: &http.Transport{TLSClientConfig: e.ca.clientTLS(), ForceAttemptHTTP2: true}}
	t.Cleanup(over2.CloseIdleConnections)
	q, _ := http.NewRequest("OPTIONS", "https://"+e.secureAddr()+"/api", nil)
	q.Host, q.Header = "weir.test", http.Header{"Origin": {"https://app.test"}, "Access-Control-Request-Method": {"POST"}}
	answer, err := over2.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != 204 || answer.ProtoMajor != 2 {
		t.Errorf("over HTTP/2: %s, %s", answer.Status, answer.Proto)
	}
}

// refusedIn are ways to be refused on routes that say more of their answers, each with its status.
func refusedIn(t *testing.T) (g *rig, requests map[string]int) {
	g = start(t, func(cfg *config.Config) {
		withHTTP(cfg)
		cfg.TrustedProxies = []string{"127.0.0.1"}
		cfg.ResponseHeader = []string{"set X-Team: blue", "set Cache-Control: max-age=9"}
		cfg.Origin = []string{"https://app.test"}
		own := func(path string, change func(*config.Config)) {
			addRoute(cfg, path[1:], routing.Match{Prefixes: []string{path}}, change)
		}
		own("/token", func(c *config.Config) { takeTokens(t, c) })
		own("/denied", func(c *config.Config) { c.Deny = []string{"192.0.2.0/24"} })
		own("/sockets", func(c *config.Config) { c.HTTP = false })
		own("/any", func(c *config.Config) { takeTokens(t, c); c.Origin = []string{"*"} })
		own("/same", func(c *config.Config) { takeTokens(t, c); c.Origin = nil })
		own("/own", func(c *config.Config) {
			takeTokens(t, c)
			c.ResponseHeader = []string{"set Access-Control-Allow-Origin: https://other.test", "remove WWW-Authenticate"}
		})
		own("/", nil)
	}, "ws://"+freeport.Addr(t))
	return g, map[string]int{"/token": 401, "/denied": 403, "/sockets": 426, "/any": 401, "/same": 401, "/own": 401, "/": 502}
}

// TestPagesReadRefusals: a plain request's refusal has what the route adds to answers, and the page that its origins name may
// read it, as the first request of a connection and behind another one.
func TestPagesReadRefusals(t *testing.T) {
	t.Parallel()
	g, requests := refusedIn(t)
	ask := func(path, origin string) string {
		return head("GET "+path+" HTTP/1.1", "Host: weir.test", "X-Forwarded-For: 192.0.2.7", "Origin: "+origin)
	}
	for path, status := range requests {
		for _, origin := range []string{"https://app.test", "https://evil.test"} {
			page, credentials := origin, "true"
			switch {
			case path == "/any":
				credentials = ""
			case path == "/own":
				page, credentials = "https://other.test", ""
			case path == "/same", origin == "https://evil.test":
				page, credentials = "", ""
			}
			want := map[string]string{"Access-Control-Allow-Origin": page, "Access-Control-Allow-Credentials": credentials, "Cache-Control": "no-store", "X-Team": "blue"}
			if path == "/own" {
				want["X-Team"], want["WWW-Authenticate"] = "", ""
			} else if page != "" {
				want["Vary"] = "Origin"
			}
			wantFields(t, wantAnswer(t, g, status, ask(path, origin)), want)
			later := connect(t, g)
			later.write(head("GET / HTTP/1.1", "Host: weir.test") + ask(path, origin))
			later.answer()
			wantFields(t, later.wantStatus(status), want)
			_ = later.conn.Close()
		}
	}
	socket := wantAnswer(t, g, 401, handshake("/token", "Origin: https://app.test")) // no page gets to see it
	wantFields(t, socket, map[string]string{"Access-Control-Allow-Origin": "", "X-Team": ""})
}
