package auth_test

import (
	"crypto"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"weir/gateway/auth"
)

// What a token may be made of and still be refused. All but a few are signed well.
func TestTokenTricks(t *testing.T) {
	p, _ := hs256(t, nil)
	const payload = `{"sub":"ada","exp":1700000600}`
	good := forge(t, `{"alg":"HS256"}`, payload)
	expect(t, p, bearer(t, good), "ok")
	head, signature := good[:strings.LastIndexByte(good, '.')], good[strings.LastIndexByte(good, '.')+1:]
	for name, token := range map[string]string{
		"no signature":              head + ".",
		"two parts":                 head,
		"four parts":                good + ".a",
		"dots":                      strings.Repeat(".", 8000),
		"empty parts":               "..",
		"too long":                  forge(t, `{"alg":"HS256"}`, `{"sub":"`+strings.Repeat("a", 8<<10)+`","exp":1700000600}`),
		"padding":                   good + "=",
		"other bits at the end":     head + "." + signature[:len(signature)-1] + string(signature[len(signature)-1]+1),
		"other alphabet":            head + "." + strings.Repeat("+", 43),
		"crit":                      forge(t, `{"alg":"HS256","crit":["exp"],"exp":1}`, payload),
		"crit, empty":               forge(t, `{"alg":"HS256","crit":null}`, payload),
		"no alg":                    forge(t, `{}`, payload),
		"alg no string":             forge(t, `{"alg":["HS256"]}`, payload),
		"alg in other case":         forge(t, `{"alg":"hs256"}`, payload),
		"alg of other name":         forge(t, `{"Alg":"HS256"}`, payload),
		"alg twice":                 forge(t, `{"alg":"none","alg":"HS256"}`, payload),
		"alg twice, by an escape":   forge(t, `{"alg":"none","\u0061lg":"HS256"}`, payload),
		"kid no string":             forge(t, `{"alg":"HS256","kid":7}`, payload),
		"not allowed":               sign(t, "HS512", "", []byte(hmacSecret), claims(nil)),
		"header no object":          forge(t, `["HS256"]`, payload),
		"header and more":           forge(t, `{"alg":"HS256"}{}`, payload),
		"claim twice":               forge(t, `{"alg":"HS256"}`, `{"sub":"eve","sub":"ada","exp":1700000600}`),
		"claim twice, within":       forge(t, `{"alg":"HS256"}`, `{"exp":1700000600,"a":[{"b":1,"b":1}]}`),
		"payload no object":         forge(t, `{"alg":"HS256"}`, `"a"`),
		"payload null":              forge(t, `{"alg":"HS256"}`, `null`),
		"payload empty":             forge(t, `{"alg":"HS256"}`, ``),
		"payload not ended":         forge(t, `{"alg":"HS256"}`, `{"exp":1700000600`),
		"payload and more":          forge(t, `{"alg":"HS256"}`, payload+`x`),
		"payload ended wrongly":     forge(t, `{"alg":"HS256"}`, `{"exp":1700000600]`),
		"payload not UTF-8":         forge(t, `{"alg":"HS256"}`, "{\"exp\":1700000600,\"a\":\"\xff\"}"),
		"nested":                    forge(t, `{"alg":"HS256"}`, `{"exp":1700000600,"a":`+strings.Repeat("[", 2500)+strings.Repeat("]", 2500)+`}`),
		"nested header, no end":     b64(`{"alg":`+strings.Repeat("[", 4000)) + ".a.a",
		"exp a string":              forge(t, `{"alg":"HS256"}`, `{"exp":"1700000600"}`),
		"exp beyond all":            forge(t, `{"alg":"HS256"}`, `{"exp":1e300}`),
		"exp no number":             forge(t, `{"alg":"HS256"}`, `{"exp":1e999}`),
		"exp negative":              forge(t, `{"alg":"HS256"}`, `{"exp":-1}`),
		"exp zero":                  forge(t, `{"alg":"HS256"}`, `{"exp":0}`),
		"exp null":                  forge(t, `{"alg":"HS256"}`, `{"exp":null}`),
		"nbf a list":                forge(t, `{"alg":"HS256"}`, `{"exp":1700000600,"nbf":[]}`),
		"exp of other case":         forge(t, `{"alg":"HS256"}`, `{"Exp":1700000600}`),
		"key of its own":            forge(t, `{"alg":"HS384","jwk":{"kty":"oct","k":"`+b64(hmacSecret)+`"}}`, payload),
		"signed with nothing":       signWith(t, nil),
		"signed with another":       signWith(t, []byte(strings.Repeat("x", 32))),
		"none":                      unsigned(`{"alg":"none"}`, payload),
		"NoNe":                      unsigned(`{"alg":"NoNe"}`, payload),
		"none, with a signature":    unsigned(`{"alg":"none"}`, payload) + signature,
		"nothing":                   unsigned(`{"alg":""}`, payload),
		"line ends in a part":       strings.Replace(good, ".", "%0A.", 1),
		"two tokens in one":         good + " " + good,
		"an encrypted token's dots": good + "." + good,
	} {
		out := decide(t, p, bearer(t, token))
		if got := verdict(out); got != "auth_invalid" || out.Missing || out.Detail == "" {
			t.Errorf("%s: %s, missing %v, %q", name, got, out.Missing, out.Detail)
		}
		if !strings.Contains(string(out.Refusal.Append(nil)), "WWW-Authenticate: Bearer error=\"invalid_token\"\r\n") {
			t.Errorf("%s: no challenge", name)
		}
	}
}

func unsigned(header, payload string) string { return b64(header) + "." + b64(payload) + "." }

func signWith(t *testing.T, key []byte) string { return sign(t, "HS256", "", key, claims(nil)) }

// A public key is never a secret, whatever form of it an attacker signs with (RFC 8725 section 3.1).
func TestKeyConfusion(t *testing.T) {
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		text := publicPEM(t, keyOf(alg))
		block, _ := pem.Decode([]byte(text))
		for _, allowed := range [][]string{{alg}, {alg, "HS256"}, {"HS256", "HS384", "HS512", alg}} {
			p := policy(t, auth.Options{JWT: &auth.JWT{Algorithms: allowed, KeyFile: file(t, text)}, Now: newClock().now})
			expect(t, p, bearer(t, sign(t, alg, "", keyOf(alg), claims(nil))), "ok")
			for _, key := range [][]byte{[]byte(text), []byte(strings.TrimSpace(text)), block.Bytes, nil} {
				for _, hs := range []string{"HS256", "HS384", "HS512"} {
					expect(t, p, bearer(t, sign(t, hs, "", key, claims(nil))), "auth_invalid")
				}
			}
		}
	}
	// A JWK that calls itself a secret's and names a public algorithm, and the other way round.
	odd := set(jwk(t, []byte(hmacSecret), "a", map[string]any{"alg": "RS256"}), jwk(t, keyOf("RS256").(crypto.Signer), "b", map[string]any{"alg": "HS256"}), jwk(t, keyOf("ES256"), "c", nil))
	p := policy(t, auth.Options{JWT: &auth.JWT{Algorithms: []string{"HS256", "RS256", "ES256"}, KeyFile: file(t, odd)}, Now: newClock().now})
	expect(t, p, bearer(t, sign(t, "HS256", "a", []byte(hmacSecret), claims(nil))), "auth_invalid")
	expect(t, p, bearer(t, sign(t, "RS256", "b", keyOf("RS256"), claims(nil))), "auth_invalid")
	expect(t, p, bearer(t, sign(t, "ES256", "c", keyOf("ES256"), claims(nil))), "ok")
}

func TestTime(t *testing.T) {
	const start = 1_700_000_000
	for _, c := range []struct {
		name   string
		claims jwt.MapClaims
		leeway time.Duration
		want   string
	}{
		{"a second left", jwt.MapClaims{"exp": start + 1}, 0, "ok"},
		{"just over", jwt.MapClaims{"exp": start}, 0, "auth_expired"},
		{"a fraction left, which does not count", jwt.MapClaims{"exp": start + 0.5}, 0, "auth_expired"},
		{"within the leeway", jwt.MapClaims{"exp": start - 29}, 30 * time.Second, "ok"},
		{"behind the leeway", jwt.MapClaims{"exp": start - 30}, 30 * time.Second, "auth_expired"},
		{"long ago", jwt.MapClaims{"exp": 1}, 0, "auth_expired"},
		{"the last year", jwt.MapClaims{"exp": 253402300799}, 0, "ok"},
		{"nbf now", jwt.MapClaims{"nbf": start}, 0, "ok"},
		{"nbf and iat of always", jwt.MapClaims{"nbf": 0, "iat": 0}, 0, "ok"},
		{"exp of always", jwt.MapClaims{"exp": 0}, 0, "auth_invalid"},
		{"a negative nbf", jwt.MapClaims{"nbf": -1}, 0, "auth_invalid"},
		{"nbf to come", jwt.MapClaims{"nbf": start + 1}, 0, "auth_invalid"},
		{"nbf within the leeway", jwt.MapClaims{"nbf": start + 30}, 30 * time.Second, "ok"},
		{"no exp", jwt.MapClaims{"exp": nil}, 0, "auth_invalid"},
		{"expired and for another", jwt.MapClaims{"exp": 1, "nbf": start + 100}, 0, "auth_invalid"},
	} {
		p, _ := hs256(t, func(j *auth.JWT) { j.Leeway = c.leeway })
		out := expect(t, p, bearer(t, sign(t, "HS256", "", []byte(hmacSecret), claims(c.claims))), c.want)
		if t.Failed() {
			t.Fatal(c.name)
		}
		if exp, ok := c.claims["exp"].(int); ok && out.Identity != nil && !out.Identity.Expires.Equal(time.Unix(int64(exp), 0).Add(c.leeway)) {
			t.Errorf("%s: ends at %v", c.name, out.Identity.Expires)
		}
	}
	p, c := hs256(t, nil)
	token := bearer(t, sign(t, "HS256", "", []byte(hmacSecret), claims(nil)))
	expect(t, p, token, "ok")
	c.pass(10 * time.Minute)
	expect(t, p, token, "auth_expired")
	p, _ = hs256(t, func(j *auth.JWT) { j.AllowEndless = true })
	if out := expect(t, p, bearer(t, sign(t, "HS256", "", []byte(hmacSecret), claims(jwt.MapClaims{"exp": nil}))), "ok"); !out.Identity.Expires.IsZero() {
		t.Errorf("ends at %v", out.Identity.Expires)
	}
}

func TestClaims(t *testing.T) {
	p, _ := hs256(t, func(j *auth.JWT) {
		j.Issuers, j.Audiences = []string{"https://a", "https://b"}, []string{"chat", "news"}
	})
	good := func(name string, v any) jwt.MapClaims {
		c := claims(jwt.MapClaims{"iss": "https://b", "aud": []string{"x", "chat"}})
		if c[name] = v; v == nil {
			delete(c, name)
		}
		return c
	}
	for _, c := range []struct {
		name  string
		value any
		want  string
	}{
		{"iss", "https://a", "ok"}, {"iss", "https://c", "auth_invalid"}, {"iss", nil, "auth_invalid"}, {"iss", 7, "auth_invalid"},
		{"iss", []string{"https://a"}, "auth_invalid"}, {"aud", "news", "ok"}, {"aud", "mail", "auth_invalid"}, {"aud", nil, "auth_invalid"},
		{"aud", []any{"chat", 7}, "auth_invalid"}, {"aud", []string{}, "auth_invalid"},
	} {
		token := sign(t, "HS256", "", []byte(hmacSecret), good(c.name, c.value))
		if got := verdict(decide(t, p, bearer(t, token))); got != c.want {
			t.Errorf("%s %v: %s, want %s", c.name, c.value, got, c.want)
		}
	}
}

func TestClaimHeaders(t *testing.T) {
	p, _ := hs256(t, func(j *auth.JWT) {
		for _, c := range []string{"sub", "id", "admin", "roles", "o.p", "text", "mixed", "none", "o", "long", "https://a.b/c"} {
			j.Headers = append(j.Headers, auth.ClaimHeader{Claim: c, Header: "X-" + strings.Map(func(r rune) rune {
				if strings.ContainsRune(":/.", r) {
					return '-'
				}
				return r
			}, c)})
		}
	})
	token := forge(t, `{"alg":"HS256"}`, `{"sub":"ada","exp":1700000600,"id":12345678901234567890,"admin":true,"roles":["a","b"],"o":{"p":"q"},
		"text":"x\r\nX-Admin: 1","mixed":["a,b"],"none":null,"https://a.b/c":"`+"\u00e9"+`"}`)
	out := expect(t, p, bearer(t, token), "ok")
	want := "X-sub: ada\nX-id: 12345678901234567890\nX-admin: true\nX-roles: a,b\nX-o-p: q\nX-https---a-b-c: \u00e9"
	if got := fieldsText(out.Identity.Fields); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if out.Identity.Subject != "ada" {
		t.Errorf("subject %q", out.Identity.Subject)
	}
}
