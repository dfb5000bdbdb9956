package gateway_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/golang-jwt/jwt/v5"

	"weir/gateway/config"
)

// TestTokenPlaces brings the token by each way that a client has, and looks at what the backend and the client hear.
func TestTokenPlaces(t *testing.T) {
	t.Parallel()
	good := token(t, "HS256", nil)
	for _, c := range []struct {
		name, from, target string
		lines              []string
		field, kept, left  string // what the backend gets in the field, without and with auth-strip
		stripped           string // the target with auth-strip
		selected           string // subprotocol in the answer with auth-strip
	}{
		{"header", "header", "/chat?a=1", []string{bearer(good)}, "Authorization", "Bearer " + good, "", "/chat?a=1", ""},
		{"named header", "header:X-Token", "/chat", []string{"X-Token: " + good}, "X-Token", good, "", "/chat", ""},
		{"cookie", "cookie:jwt", "/chat", []string{"Cookie: a=1; jwt=" + good + "; b=2"}, "Cookie", "a=1; jwt=" + good + "; b=2", "a=1; b=2", "/chat", ""},
		{"query", "query:token", "/chat?a=1&token=" + good + "&b=2", nil, "Cookie", "", "", "/chat?a=1&b=2", ""},
		{"query alone", "query:token", "/chat?token=" + good, nil, "Cookie", "", "", "/chat", ""},
		{"protocol", "protocol:bearer", "/chat", []string{"Sec-WebSocket-Protocol: bearer, " + good}, "Sec-Websocket-Protocol", "bearer, " + good, "", "/chat", "bearer"},
		{"protocol beside others", "protocol:bearer", "/chat", []string{"Sec-WebSocket-Protocol: v2, bearer, " + good + ", v1"}, "Sec-Websocket-Protocol",
			"v2, bearer, " + good + ", v1", "v2, v1", "/chat", "bearer"},
		{"protocol prefix", "protocol-prefix:jwt.", "/chat", []string{"Sec-WebSocket-Protocol: v1, jwt." + good}, "Sec-Websocket-Protocol", "v1, jwt." + good, "v1", "/chat", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, strip := range []bool{false, true} {
				b := listen(t)
				g := start(t, func(cfg *config.Config) {
					takeTokens(t, cfg, c.from)
					cfg.AuthStrip, cfg.Origin = strip, []string{"*"}
				}, b.url())
				client := connect(t, g)
				client.write(handshake(c.target, c.lines...))
				asked := b.accept().upgrade()
				answered := client.wantStatus(101)
				target, field, selected := c.target, c.kept, ""
				if strip {
					target, field, selected = c.stripped, c.left, c.selected
				}
				if asked.first != "GET "+target+" HTTP/1.1" {
					t.Errorf("strip %t: the backend was asked %q", strip, asked.first)
				}
				if got := asked.fields.Get(c.field); got != field {
					t.Errorf("strip %t: %s is %q, want %q", strip, c.field, got, field)
				}
				if got := answered.fields.Get("Sec-WebSocket-Protocol"); got != selected {
					t.Errorf("strip %t: the client is answered subprotocol %q, want %q", strip, got, selected)
				}
				if strip && strings.Contains(asked.text, good) {
					t.Errorf("the token went to the backend:\n%s", asked.text)
				}
			}
		})
	}
}

// TestBackendSelectsProtocol where it sees any: the marker of the token is not selected besides.
func TestBackendSelectsProtocol(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { takeTokens(t, cfg, "protocol:bearer"); cfg.AuthStrip = true }, b.url())
	client := connect(t, g)
	client.write(handshake("/", "Sec-WebSocket-Protocol: v2, bearer, "+token(t, "HS256", nil)))
	b.accept().upgrade("Sec-WebSocket-Protocol: v2")
	wantField(t, client.wantStatus(101), "Sec-Websocket-Protocol", "v2")
}

// TestTokensThatDoNotCount are refused before the backend hears of them.
func TestTokensThatDoNotCount(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) {
		takeTokens(t, cfg)
		cfg.JWTIssuer, cfg.JWTAudience = []string{"us"}, []string{"chat"}
	}, b.url())
	ours := func(more jwt.MapClaims) jwt.MapClaims {
		claims := jwt.MapClaims{"iss": "us", "aud": "chat"}
		for k, v := range more {
			claims[k] = v
		}
		return claims
	}
	good := token(t, "HS256", ours(nil))
	client, _, _ := enter(t, g, b, handshake("/", bearer(good)))
	_ = client.conn.Close()
	unsigned, err := jwt.NewWithClaims(jwt.SigningMethodNone, ours(jwt.MapClaims{"exp": time.Now().Add(time.Hour).Unix()})).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-time.Minute).Unix()
	for name, c := range map[string]struct {
		reason string
		lines  []string
	}{
		"none":             {"auth_missing", nil},
		"another scheme":   {"auth_missing", []string{"Authorization: Basic " + good}},
		"elsewhere":        {"auth_missing", []string{"Cookie: token=" + good, "Origin: http://weir.test"}},
		"alg none":         {"auth_invalid", []string{bearer(unsigned)}},
		"another alg":      {"auth_invalid", []string{bearer(token(t, "HS384", ours(nil)))}},
		"ES256":            {"auth_invalid", []string{bearer(token(t, "ES256", ours(nil)))}},
		"changed":          {"auth_invalid", []string{bearer(good[:len(good)-4] + "AAAA")}},
		"twice":            {"auth_invalid", []string{bearer(good), bearer(good)}},
		"dots":             {"auth_invalid", []string{bearer(strings.Repeat(".", 8000))}},
		"issuer":           {"auth_invalid", []string{bearer(token(t, "HS256", ours(jwt.MapClaims{"iss": "them"})))}},
		"audience":         {"auth_invalid", []string{bearer(token(t, "HS256", ours(jwt.MapClaims{"aud": "mail"})))}},
		"not yet":          {"auth_invalid", []string{bearer(token(t, "HS256", ours(jwt.MapClaims{"nbf": time.Now().Add(time.Hour).Unix()})))}},
		"expired":          {"auth_expired", []string{bearer(token(t, "HS256", ours(jwt.MapClaims{"exp": past})))}},
		"exp without time": {"auth_invalid", []string{bearer(token(t, "HS256", ours(jwt.MapClaims{"exp": "soon"})))}},
	} {
		before := metric(t, g, `weir_sessions_refused_total{reason="`+c.reason+`"}`)
		m := wantAnswer(t, g, 401, handshake("/", c.lines...))
		if !strings.HasPrefix(m.fields.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s: no challenge in\n%s", name, m.text)
		}
		if after := metric(t, g, `weir_sessions_refused_total{reason="`+c.reason+`"}`); after != before+1 {
			t.Errorf("%s is not counted as %s", name, c.reason)
		}
	}
	b.wantUntouched()
}

// TestClaimsAreTold in headers that nobody but the gateway can set, whatever a backend takes for their names.
func TestClaimsAreTold(t *testing.T) {
	t.Parallel()
	for _, optional := range []bool{false, true} {
		b := listen(t)
		g := start(t, func(cfg *config.Config) {
			takeTokens(t, cfg)
			cfg.JWTHeader, cfg.AuthOptional = []string{"sub X-User", "realm.roles X-Roles", "mail X-Mail"}, optional
		}, b.url())
		lines := []string{"X-User: eve", "x-user: eve", "X_User: eve", "X-USER: eve", "X-Roles: admin", "X_Roles: admin", "X-Mail: eve@test", "X-Users: kept"}
		want := map[string]string{"X-User": "", "X-Roles": ""}
		if !optional {
			lines = append(lines, bearer(token(t, "HS256", jwt.MapClaims{"realm": map[string]any{"roles": []string{"a", "b"}}, "mail": "a\r\nX-Evil: 1"})))
			want = map[string]string{"X-User": "ada", "X-Roles": "a,b"}
		}
		_, _, asked := enter(t, g, b, handshake("/", lines...))
		want["X-Mail"], want["X_user"], want["X_roles"], want["X-Users"], want["X-Evil"] = "", "", "", "kept", ""
		wantFields(t, asked, want)
		if strings.Contains(asked.text, "eve") || strings.Contains(asked.text, "admin") {
			t.Errorf("a claim of the client's own went through:\n%s", asked.text)
		}
	}
}

// TestClaimHeaderWithUnderscore is as safe from forgery as any other.
func TestClaimHeaderWithUnderscore(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { takeTokens(t, cfg); cfg.JWTHeader = []string{"sub X_User"} }, b.url())
	_, _, asked := enter(t, g, b, handshake("/", "X_User: eve", "X-User: eve", bearer(token(t, "HS256", nil))))
	if strings.Contains(asked.text, "eve") {
		t.Errorf("a claim of the client's own went through:\n%s", asked.text)
	}
}

// TestHashOnClaim sends all sessions of a user to one backend, wherever they come from and whatever they ask.
func TestHashOnClaim(t *testing.T) {
	t.Parallel()
	urls := make([]string, 4)
	for i := range urls {
		urls[i] = echo(t)
	}
	g := start(t, func(cfg *config.Config) {
		takeTokens(t, cfg)
		cfg.HashOn, cfg.EndpointHeader, cfg.CloseTimeout = config.HashOn{By: config.HashClaim, Name: "tenant"}, "X-Endpoint", patience
		cfg.TrustedProxies = []string{"127.0.0.1"}
	}, urls...)
	seen := map[string]bool{}
	for _, tenant := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		var at string
		for i, from := range []string{"192.0.2.1", "198.51.100.7"} {
			client := connect(t, g)
			client.write(handshake("/"+from, "X-Forwarded-For: "+from, bearer(token(t, "HS256", jwt.MapClaims{"tenant": tenant, "sub": from}))))
			endpoint := client.wantStatus(101).fields.Get("X-Endpoint")
			if i > 0 && endpoint != at {
				t.Errorf("tenant %s is at %s and at %s", tenant, at, endpoint)
			}
			at, seen[endpoint] = endpoint, true
			client.sendClose(1000)
			client.wantClose(1000)
		}
	}
	if len(seen) < 2 {
		t.Errorf("all tenants are at %v", seen)
	}
}

// TestTokensAreNotLogged where a query or a field holds them, be they good or bad.
func TestTokensAreNotLogged(t *testing.T) {
	t.Parallel()
	var out logs
	b := listen(t)
	g := startLogging(t, &out, func(cfg *config.Config) {
		takeTokens(t, cfg, "query:token", "header")
		cfg.AccessLog, cfg.LogLevel, cfg.HTTP = config.AccessText, -4, true
	}, b.url())
	good := token(t, "HS256", nil)
	client, _, _ := enter(t, g, b, handshake("/seen?token="+good))
	client.send(ws.OpText, "x")
	_ = client.conn.Close()
	wantAnswer(t, g, 401, handshake("/bad?token="+good+"canary"))
	wantAnswer(t, g, 401, handshake("/bad", bearer(good+"canary")))
	wantAnswer(t, g, 401, head("GET /plain?token="+good+"canary HTTP/1.1", "Host: weir.test"))
	wantMetric(t, g, "weir_sessions_open", 0)
	if !eventually(func() bool {
		return strings.Contains(out.String(), "/seen") && strings.Contains(out.String(), "/plain")
	}) {
		t.Fatalf("the requests are not logged:\n%s", out.String())
	}
	_, page := ask(t, g, "GET", "/metrics")
	if all := out.String() + page; strings.Contains(all, good[:20]) || strings.Contains(all, "canary") {
		t.Errorf("a token is told:\n%s", all)
	}
}
