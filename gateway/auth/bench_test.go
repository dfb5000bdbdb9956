package auth_test

import (
	"testing"

	"weir/gateway/auth"
)

func benchmarkNow(b *testing.B, p *auth.Policy, r *auth.Request, want string) {
	expect(b, p, r, want)
	b.ReportAllocs()
	for b.Loop() {
		if out, done := p.Now(r); !done || verdict(out) != want {
			b.Fatal(done, verdict(out))
		}
	}
}

func BenchmarkNow(b *testing.B) {
	for _, alg := range []string{"HS256", "ES256", "RS256", "PS256", "EdDSA"} {
		content := hmacSecret
		if alg != "HS256" {
			content = publicPEM(b, keyOf(alg))
		}
		b.Run(alg, func(b *testing.B) {
			p := policy(b, auth.Options{JWT: &auth.JWT{Algorithms: []string{alg}, KeyFile: file(b, content), Issuers: []string{"https://a.example/"},
				Audiences: []string{"chat"}, Headers: []auth.ClaimHeader{{Claim: "sub", Header: "X-User"}}}, Now: newClock().now})
			c := claims(map[string]any{"iss": "https://a.example/", "aud": "chat", "iat": 1_700_000_000, "jti": "0123456789", "scope": "read write"})
			benchmarkNow(b, p, bearer(b, sign(b, alg, "key-1", keyOf(alg), c)), "ok")
		})
	}
	for _, alg := range []string{"ES384", "ES512"} { // which take too long for an event loop
		b.Run("wait/"+alg, func(b *testing.B) {
			p := policy(b, auth.Options{JWT: &auth.JWT{Algorithms: []string{alg}, KeyFile: file(b, publicPEM(b, keyOf(alg)))}, Now: newClock().now})
			r := bearer(b, sign(b, alg, "", keyOf(alg), claims(nil)))
			if _, done := p.Now(r); done {
				b.Error("done now")
			}
			for b.Loop() {
				if out := p.Wait(b.Context(), r); out.Identity == nil {
					b.Fatal(verdict(out))
				}
			}
		})
	}
	b.Run("missing", func(b *testing.B) {
		p, _ := hs256(b, nil)
		benchmarkNow(b, p, ask(b, ""), "auth_missing")
	})
	b.Run("dots", func(b *testing.B) {
		p, _ := hs256(b, nil)
		dots := make([]byte, 8000)
		for i := range dots {
			dots[i] = '.'
		}
		benchmarkNow(b, p, bearer(b, string(dots)), "auth_invalid")
	})
	b.Run("key", func(b *testing.B) {
		p := policy(b, auth.Options{Keys: &auth.Keys{File: file(b, "ci:"+sum("key"))}})
		benchmarkNow(b, p, ask(b, "", "X-API-Key: key"), "ok")
	})
	b.Run("remembered", func(b *testing.B) {
		s := newService(b, byToken)
		p, _ := s.policy(b, func(o *auth.Options) { o.Forward.TTL = 1e18 })
		benchmarkNow(b, p, bearer(b, "good"), "ok")
	})
}

// A handshake may cost a few allocations: no more than these.
func TestAllocations(t *testing.T) {
	p, _ := hs256(t, nil)
	good := bearer(t, sign(t, "HS256", "", []byte(hmacSecret), claims(nil)))
	none := ask(t, "")
	for _, c := range []struct {
		name string
		r    *auth.Request
		most float64
	}{{"a token", good, 70}, {"no token", none, 0}, {"no JWT", bearer(t, "x"), 0}} {
		if n := testing.AllocsPerRun(100, func() { p.Now(c.r) }); n > c.most {
			t.Errorf("%s: %v allocations, at most %v", c.name, n, c.most)
		}
	}
}
