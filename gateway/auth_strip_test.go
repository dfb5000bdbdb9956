package gateway_test

import (
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"weir/gateway/config"
	"weir/gateway/routing"
)

// asPlain sends a request that is no handshake and gives what came to the backend of it.
func asPlain(t *testing.T, g *rig, came chan *http.Request, request string) *http.Request {
	t.Helper()
	wantAnswer(t, g, 200, request)
	return <-came
}

// TestCheckedTargetGoesUp byte for byte: package url would write it in another way, and the service that was asked and
// the backend would see two paths.
func TestCheckedTargetGoesUp(t *testing.T) {
	t.Parallel()
	const target = "/x|%2f..%2fadmin?a=^%2f|"
	asked, came := make(chan string, 2), make(chan *http.Request, 1)
	s := serve(t, false, func(_ http.ResponseWriter, r *http.Request) { asked <- r.Header.Get("X-Forwarded-Uri") })
	page := serve(t, false, func(_ http.ResponseWriter, r *http.Request) { came <- r })
	b := listen(t)
	g := start(t, func(cfg *config.Config) {
		withHTTP(cfg)
		takeService(cfg, s)
		cfg.AuthStrip, cfg.HTTPUpstream, cfg.PathEncoded = true, []string{page.URL}, config.EncodedPass
	}, b.url())
	r := asPlain(t, g, came, head("GET "+target+" HTTP/1.1", "Host: weir.test", "Authorization: Bearer x", "Connection: close"))
	_, _, m := enter(t, g, b, handshake(target, "Authorization: Bearer x"))
	if r.RequestURI != target || m.first != "GET "+target+" HTTP/1.1" {
		t.Errorf("the backend was asked for %q and %q", r.RequestURI, m.first)
	}
	for range 2 {
		if got := <-asked; got != target {
			t.Errorf("the service was asked about %q", got)
		}
	}
}

// TestCredentialInAQueryThatIsOdd is taken out, and the rest stays as it was sent.
func TestCredentialInAQueryThatIsOdd(t *testing.T) {
	t.Parallel()
	came := make(chan *http.Request, 1)
	page := serve(t, false, func(_ http.ResponseWriter, r *http.Request) { came <- r })
	g := start(t, func(cfg *config.Config) {
		withHTTP(cfg)
		takeTokens(t, cfg, "query:token")
		cfg.AuthStrip = true
	}, page.URL)
	r := asPlain(t, g, came, head("GET /a|%2f?b=^&token="+token(t, "HS256", nil)+"&c=%2f HTTP/1.1", "Host: weir.test", "Connection: close"))
	if r.RequestURI != "/a|%2f?b=^&c=%2f" {
		t.Errorf("the backend was asked for %q", r.RequestURI)
	}
}

// TestClaimedWhereNobodyIsAsked: a field that tells backends who comes is the gateway's on routes without authentication too.
func TestClaimedWhereNobodyIsAsked(t *testing.T) {
	t.Parallel()
	came := make(chan *http.Request, 1)
	page := serve(t, false, func(_ http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // reads up to the trailers
		came <- r
	})
	b := listen(t)
	g := start(t, func(cfg *config.Config) {
		withHTTP(cfg)
		takeTokens(t, cfg)
		cfg.JWTHeader, cfg.AuthHeader, cfg.HTTPUpstream = []string{"sub X-User"}, []string{"X-Team"}, []string{page.URL}
		addRoute(cfg, "open", routing.Match{Prefixes: []string{"/open"}}, func(c *config.Config) { c.JWTKeys = "" })
		addRoute(cfg, "rest", routing.Match{}, nil)
	}, b.url())
	forged := []string{"X-User: eve", "X_User: eve", "x-team: eve", "X-Other: kept"}
	want := map[string]string{"X-User": "", "X_user": "", "X-Team": "", "X-Other": "kept"}
	_, _, asked := enter(t, g, b, handshake("/open", forged...))
	wantFields(t, asked, want)
	lines := append([]string{"POST /open HTTP/1.1", "Host: weir.test", "Connection: close", "Transfer-Encoding: chunked", "Trailer: X-User, X-Sum",
		"Content-Type: application/x-www-form-urlencoded"}, forged...)
	r := asPlain(t, g, came, head(lines...)+"0\r\nX-User: eve\r\nX-Sum: 1\r\n\r\n")
	for name, value := range want {
		if got := r.Header.Get(name); got != value {
			t.Errorf("plain: %s is %q", name, got)
		}
	}
	if r.Trailer.Get("X-User") != "" || r.Trailer.Get("X-Sum") != "1" {
		t.Errorf("trailers %v", r.Trailer)
	}
	wantAnswer(t, g, 401, handshake("/", forged...))
}

// TestRulesAfterCredentials: what a client says of itself goes first, then rules work, and who was let in is told last;
// for both kinds of requests.
func TestRulesAfterCredentials(t *testing.T) {
	t.Parallel()
	came := make(chan *http.Request, 1)
	page := serve(t, false, func(_ http.ResponseWriter, r *http.Request) { came <- r })
	b := listen(t)
	g := start(t, func(cfg *config.Config) {
		withHTTP(cfg)
		takeTokens(t, cfg)
		cfg.AuthStrip, cfg.HTTPUpstream, cfg.JWTHeader = true, []string{page.URL}, []string{"sub X-User"}
		cfg.RequestHeader = []string{"set Authorization: Bearer for-the-backend", "remove X-User"}
	}, b.url())
	mine := bearer(token(t, "HS256", jwt.MapClaims{"sub": "ada"}))
	want := map[string]string{"Authorization": "Bearer for-the-backend", "X-User": "ada"}
	_, _, asked := enter(t, g, b, handshake("/", mine, "X-User: eve"))
	wantFields(t, asked, want)
	r := asPlain(t, g, came, head("GET / HTTP/1.1", "Host: weir.test", "Connection: close", mine, "X-User: eve"))
	for name, value := range want {
		if got := r.Header.Values(name); len(got) != 1 || got[0] != value {
			t.Errorf("plain: %s is %q", name, got)
		}
	}
}

// TestHashOnStrippedField gives both kinds of requests the same backend, although it sees nothing of the field.
func TestHashOnStrippedField(t *testing.T) {
	t.Parallel()
	g := start(t, func(cfg *config.Config) {
		withHTTP(cfg)
		_, cfg.BasicUsers = lists(t)
		cfg.AuthStrip, cfg.EndpointHeader = true, "X-Endpoint"
		cfg.HashOn = config.HashOn{By: config.HashHeader, Name: "Authorization"}
	}, bothKinds(t, 8)...)
	for _, line := range []string{basic("ada", "open sesame"), "Authorization: basic  " + base64.StdEncoding.EncodeToString([]byte("ada:open sesame")),
		basic("bob", "open sesame")} {
		a := wantAnswer(t, g, 101, handshake("/", line)).fields.Get("X-Endpoint")
		b := wantAnswer(t, g, 204, head("GET / HTTP/1.1", "Host: weir.test", "Connection: close", line)).fields.Get("X-Endpoint")
		if a != b || a == "" {
			t.Errorf("%s: a handshake goes to %s, a plain request to %s", line, a, b)
		}
	}
}
