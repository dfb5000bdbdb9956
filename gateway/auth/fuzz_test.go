package auth_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"weir/codec/http1"
	"weir/gateway/auth"
)

// Whatever stands in a token that is signed well, who gets in would get in by the library's own parser too, as the same.
func FuzzToken(f *testing.F) {
	p, c := hs256(f, nil)
	library := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired(), jwt.WithTimeFunc(c.now), jwt.WithJSONNumber())
	for _, header := range []string{`{"alg":"HS256"}`, `{"alg":"none"}`, `{"alg":"HS256","kid":"a","typ":"JWT"}`, `{"alg":"HS256","crit":[]}`} {
		f.Add(header, `{"sub":"ada","exp":1700000600}`, "")
	}
	f.Add(`{"alg":"HS256"}`, `{"sub":7,"exp":1.7000006e9,"nbf":1,"aud":["a"],"a":{"b":[{"c":null}]}}`, "")
	f.Add(`{"alg":"HS256"}`, `{"exp":1700000600,"\u0065xp":1}`, "x")
	f.Add("", "", "...")
	f.Fuzz(func(t *testing.T, header, payload, tail string) {
		token := forge(t, header, payload) + tail
		r := &auth.Request{Fields: []http1.Field{{Name: []byte("Authorization"), Value: []byte("Bearer " + token)}}}
		out := decide(t, p, r)
		if out.Identity == nil {
			return
		}
		theirs, err := library.Parse(strings.TrimSpace(token), func(*jwt.Token) (any, error) { return []byte(hmacSecret), nil })
		if err != nil {
			t.Fatalf("let in, which the library does not: %v", err)
		}
		if sub, ok := theirs.Claims.(jwt.MapClaims)["sub"].(string); ok && sub != out.Identity.Subject {
			t.Fatalf("%q is called %q", sub, out.Identity.Subject)
		}
		if exp, _ := theirs.Claims.GetExpirationTime(); !exp.Equal(out.Identity.Expires) {
			t.Fatalf("ends at %v, not %v", out.Identity.Expires, exp)
		}
	})
}

// An object that is taken is one to encoding/json as well, and written out again it has as many bytes of names.
func FuzzObject(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1}`, `{"a":{"a":[{"a":"\":"},1e9]}}`, `{"a":1,"a":2}`, `{"a":[[[[[[[[1]]]]]]]]}`, `{"\ud800":1,"\ud801":2}`, ` {"a" : "b" } `, `null`, `{}{}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		object, err := auth.ParseObject(b)
		if err != nil {
			return
		}
		var again map[string]any
		dec := json.NewDecoder(bytes.NewReader(b))
		dec.UseNumber()
		if err := dec.Decode(&again); err != nil || !reflect.DeepEqual(object, again) {
			t.Fatalf("%q: %v", b, err)
		}
		if hasTwice(json.NewDecoder(bytes.NewReader(b))) {
			t.Fatalf("%q names a member twice", b)
		}
	})
}

// hasTwice reads token by token, which is another way to find out than the one tested.
func hasTwice(dec *json.Decoder) bool {
	type level struct {
		names map[string]bool // nil: a list
		key   bool            // a name is next
	}
	var open []level
	for {
		t, err := dec.Token()
		if err != nil {
			return false
		}
		if n := len(open) - 1; n >= 0 && open[n].names != nil {
			if name, ok := t.(string); ok && open[n].key {
				if open[n].names[name] {
					return true
				}
				open[n].names[name], open[n].key = true, false
				continue
			}
			open[n].key = true
		}
		switch t {
		case json.Delim('{'):
			open = append(open, level{names: map[string]bool{}, key: true})
		case json.Delim('['):
			open = append(open, level{})
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
	}
}

// What has been stripped has no credential left, and loses nothing else of the query.
func FuzzStrip(f *testing.F) {
	f.Add("a=1&token=x", "t=1; u=2", "bearer, x, chat", "jwt.x")
	f.Add("%74oken=x&token", "t", "bearer", "a,bearer")
	f.Add("token=&&=", "=;t=;", ",bearer,,bearer,bearer", "jwt.")
	all := auth.Strip(sources(f, "query:token cookie:t protocol:bearer protocol-prefix:jwt. header header:X-Key"))
	f.Fuzz(func(t *testing.T, query, cookie, offer, offer2 string) {
		fields := []http1.Field{{Name: []byte("Cookie"), Value: []byte(cookie)}, {Name: []byte("sec-websocket-protocol"), Value: []byte(offer)},
			{Name: []byte("Sec-WebSocket-Protocol"), Value: []byte(offer2)}, {Name: []byte("X-Key"), Value: []byte("x")}, {Name: []byte("Authorization"), Value: []byte("Bearer x")}}
		_, rest, _ := strings.Cut(string(all.Target([]byte("/?"+query))), "?")
		left := &auth.Request{Query: []byte(rest), Fields: all.Fields(nil, fields)}
		for _, src := range all {
			if alone := (auth.Strip{src}).Fields(nil, fields); src.Place != auth.Query && src.Find(&auth.Request{Fields: alone}) {
				t.Fatalf("%s is left in\n%s", src, fieldsText(alone))
			}
		}
		if all[0].Find(left) || all[1].Find(left) || all[4].Find(left) || all[5].Find(left) {
			t.Fatalf("left: %s\n%s", left.Query, fieldsText(left.Fields))
		}
	})
}

func FuzzKeySet(f *testing.F) {
	f.Add([]byte(set(jwk(f, keys()["ES256"], "a", nil), jwk(f, keys()["RSA"], "b", nil), jwk(f, keys()["EdDSA"], "c", nil))))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"EC","crv":"P-256","x":"","y":""},{"kty":"oct","k":"AA"},{"kty":"OKP","crv":"X25519","x":"AA"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) { _ = auth.ParseKeySet(b) })
}

func FuzzUsers(f *testing.F) {
	f.Add([]byte("# a\nada:" + sum("x") + "\nbob:$2y$10$" + strings.Repeat("a", 53)))
	f.Fuzz(func(t *testing.T, b []byte) { _ = auth.ParseUsers(b) })
}
