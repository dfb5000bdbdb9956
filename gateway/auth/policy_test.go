package auth_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"weir/gateway/auth"
)

// The first method whose credential is there decides; a bad one of it is not made good by another.
func TestMethodsInOrder(t *testing.T) {
	s := newService(t, byToken)
	c := newClock()
	o := auth.Options{Now: c.now, JWT: &auth.JWT{Algorithms: []string{"HS256"}, KeyFile: file(t, hmacSecret)},
		Basic: &auth.Basic{File: file(t, "ada:"+sum("x"))}, Keys: &auth.Keys{File: file(t, "ci:"+sum("key"))}}
	p := policy(t, o)
	token := "Authorization: Bearer " + sign(t, "HS256", "", []byte(hmacSecret), claims(nil))
	for _, r := range []*auth.Request{ask(t, "", token), login(t, "ada:x"), ask(t, "", "X-API-Key: key"), ask(t, "", token, "X-API-Key: bad")} {
		expect(t, p, r, "ok")
	}
	expect(t, p, ask(t, "", "Authorization: Bearer x", "X-API-Key: key"), "auth_invalid")
	expect(t, p, ask(t, "", "Authorization: Digest x"), "auth_missing")
	out := expect(t, p, ask(t, ""), "auth_missing")
	if got, want := out.Refusal.Header, "WWW-Authenticate: Bearer\r\nWWW-Authenticate: Basic realm=\"weir\", charset=\"UTF-8\"\r\nWWW-Authenticate: ApiKey realm=\"weir\"\r\n"; got != want {
		t.Errorf("challenges %q", got)
	}
	o.Optional = true
	p = policy(t, o)
	if out := expect(t, p, ask(t, ""), "ok"); !out.Missing || out.Identity.Subject != "" {
		t.Errorf("nobody comes in as %+v", out)
	}
	expect(t, p, ask(t, "", "X-API-Key: bad"), "auth_invalid")
	expect(t, p, ask(t, "", token), "ok")

	o.Forward = &auth.Forward{URL: s.URL}
	p = policy(t, o)
	expect(t, p, ask(t, ""), "ok")
	expect(t, p, ask(t, "", token), "ok")
	if n := s.calls.Load(); n != 0 {
		t.Errorf("%d calls of the service", n)
	}
	expect(t, p, ask(t, "", "Authorization: Digest x"), "auth_invalid")
	if n := s.calls.Load(); n != 1 {
		t.Errorf("%d calls of the service", n)
	}
}

// TestEvery401HasAChallenge (RFC 9110 section 15.5.2), whatever the credential is.
func TestEvery401HasAChallenge(t *testing.T) {
	s := newService(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	bearer := auth.Options{JWT: &auth.JWT{Algorithms: []string{"HS256"}, KeyFile: file(t, hmacSecret)}}
	basic, keys := auth.Options{Basic: &auth.Basic{File: file(t, "ada:"+sum("x"))}}, auth.Options{Keys: &auth.Keys{File: file(t, "ci:"+sum("key"))}}
	forward := auth.Options{Forward: &auth.Forward{URL: s.URL}}
	for _, c := range []struct {
		o         auth.Options
		line      string
		challenge string
	}{
		{bearer, "X-No: credential", "Bearer"}, {bearer, "Authorization: Bearer x", "Bearer error="},
		{basic, "X-No: credential", "Basic realm="}, {basic, "Authorization: Basic x", "Basic realm="},
		{keys, "X-No: credential", "ApiKey realm="}, {keys, "X-API-Key: x", "ApiKey realm="},
		{forward, "X-No: credential", "Bearer"}, {forward, "Cookie: a=1", "Bearer"},
	} {
		out := policy(t, c.o).Wait(t.Context(), ask(t, "", c.line))
		if out.Refusal == nil || out.Refusal.Status != 401 || !strings.HasPrefix(out.Refusal.Header, "WWW-Authenticate: "+c.challenge) {
			t.Errorf("%s: %+v", c.line, out.Refusal)
		}
	}
}

func TestOptionErrors(t *testing.T) {
	secret := file(t, hmacSecret)
	jwt := func(change func(*auth.JWT)) auth.Options {
		j := &auth.JWT{Algorithms: []string{"HS256"}, KeyFile: secret}
		change(j)
		return auth.Options{JWT: j}
	}
	forward := func(change func(*auth.Forward)) auth.Options {
		f := &auth.Forward{URL: "http://a"}
		change(f)
		return auth.Options{Forward: f}
	}
	url := func(s string) func(*auth.JWT) {
		return func(j *auth.JWT) { j.KeyFile, j.URL, j.Algorithms = "", s, []string{"RS256"} }
	}
	for _, c := range []struct {
		options auth.Options
		want    string
	}{
		{auth.Options{}, "no method is chosen"},
		{jwt(func(j *auth.JWT) { j.Algorithms = nil }), "no algorithm is allowed"},
		{jwt(func(j *auth.JWT) { j.Algorithms = []string{"HS256", "none"} }), `no algorithm "none"`},
		{jwt(func(j *auth.JWT) { j.Algorithms = []string{"hs256"} }), `no algorithm "hs256"`},
		{jwt(func(j *auth.JWT) { j.KeyFile = "" }), "either a key file or the URL"},
		{jwt(func(j *auth.JWT) { j.URL = "https://a" }), "either a key file or the URL"},
		{jwt(func(j *auth.JWT) { j.KeyFile = "/no/such" }), "/no/such"},
		{jwt(func(j *auth.JWT) { j.Leeway = -1 }), "negative"},
		{jwt(url("a.example/keys")), "none of http or https"},
		{jwt(url("ftp://a")), "none of http or https"},
		{jwt(url("http://user:canary@a.example/keys?canary")), "use https, or a file (jwt-keys)"},
		{jwt(url("http://user:can%ary@a")), "none of http or https"},
		{jwt(func(j *auth.JWT) { url("https://a")(j); j.Algorithms = []string{"HS256"} }), "HS256 needs a secret"},
		{jwt(func(j *auth.JWT) { j.From = []auth.Source{{Place: 9}} }), "no place 9"},
		{jwt(func(j *auth.JWT) { j.From = []auth.Source{{Place: auth.Cookie}} }), "cannot be a name"},
		{jwt(func(j *auth.JWT) { j.Headers = []auth.ClaimHeader{{"sub", "Connection"}} }), `"Connection" is no field`},
		{jwt(func(j *auth.JWT) { j.Headers = []auth.ClaimHeader{{"sub", "Host"}} }), `"Host" is no field`},
		{jwt(func(j *auth.JWT) { j.Headers = []auth.ClaimHeader{{"sub", "a b"}} }), `"a b" is no field`},
		{jwt(func(j *auth.JWT) { j.Headers = []auth.ClaimHeader{{"sub", ""}} }), `"" is no field`},
		{jwt(func(j *auth.JWT) { j.Headers = []auth.ClaimHeader{{"", "X-User"}} }), "without a name"},
		{auth.Options{Basic: &auth.Basic{File: "/no/such"}}, "/no/such"},
		{forward(func(f *auth.Forward) { f.URL = "" }), "none of http or https"},
		{forward(func(f *auth.Forward) { f.URL = "http://gw:canary@a/check" }), "would take them for the client's"},
		{forward(func(f *auth.Forward) { f.ResponseHeaders = []string{"Content-Length"} }), `"Content-Length" is no field`},
		{forward(func(f *auth.Forward) { f.SubjectHeader = "a:b" }), "no field name"},
		{forward(func(f *auth.Forward) { f.TTL = -1 }), "negative"},
	} {
		_, err := auth.New(c.options)
		noFile := c.want == "/no/such"
		if early := c.options.Check(); noFile && early != nil || !noFile && fmt.Sprint(early) != fmt.Sprint(err) {
			t.Errorf("Check says %v, New %v", early, err)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	for _, s := range []string{"http://127.0.0.1/keys", "http://localhost:8080", "http://[::1]/", "https://a.example/keys"} {
		p, err := auth.New(jwt(func(j *auth.JWT) { url(s)(j) }))
		if err != nil {
			t.Error(err)
			continue
		}
		p.Close()
	}
}

func TestRefusals(t *testing.T) {
	want := map[string]int{"auth_missing": 401, "auth_invalid": 401, "auth_expired": 401, "auth_forbidden": 403, "auth_unavailable": 503, "auth_rate": 429}
	for _, r := range auth.Refusals {
		if want[r.Reason] != r.Status || r.Text == "" {
			t.Errorf("%s: %d %q", r.Reason, r.Status, r.Text)
		}
		delete(want, r.Reason)
	}
	if len(want) > 0 {
		t.Errorf("there is none of %v", want)
	}
}

// Whatever is printed of what this package holds, no secret is among it.
func TestNothingIsTold(t *testing.T) {
	p, _ := hs256(t, func(j *auth.JWT) { j.From = sources(t, "query:token header") })
	good := sign(t, "HS256", "", []byte(hmacSecret), claims(nil))
	r := ask(t, "?token="+good, "Cookie: session=canary")
	bad := decide(t, p, bearer(t, good[:len(good)-4]+"AAAA"))
	out := expect(t, p, r, "ok")
	for _, format := range []string{"%v", "%+v", "%s", "%#v"} {
		for _, v := range []any{p, *out.Identity, out.Identity, out, bad, bad.Refusal} {
			for _, leak := range []string{good[:20], good[len(good)-20:], hmacSecret[:20], "canary", fmt.Sprint([]byte(hmacSecret[:6]))[1:10]} {
				if s := fmt.Sprintf(format, v); strings.Contains(s, leak) {
					t.Errorf("%s of %T: %s", format, v, s)
				}
			}
		}
	}
	for _, v := range []any{r, *r} {
		if s := fmt.Sprintf("%v %+v", v, v); s != "GET a.example/chat GET a.example/chat" {
			t.Errorf("a request: %s", s)
		}
	}
}
