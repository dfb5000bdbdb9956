package auth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/MicahParks/jwkset"

	"weir/gateway/auth"
)

// keys are made once: RSA ones take long.
var keys = sync.OnceValue(func() map[string]crypto.Signer {
	all := map[string]crypto.Signer{}
	for name, curve := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		all[name], _ = ecdsa.GenerateKey(curve, rand.Reader)
	}
	all["RSA"], _ = rsa.GenerateKey(rand.Reader, 2048)
	_, all["EdDSA"], _ = ed25519.GenerateKey(rand.Reader)
	all["other"], _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return all
})

// keyOf is the private key for an algorithm.
func keyOf(alg string) any {
	switch alg[:2] {
	case "HS":
		return []byte(hmacSecret)
	case "RS", "PS":
		return keys()["RSA"]
	}
	return keys()[alg]
}

func publicPEM(t testing.TB, k any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(k.(crypto.Signer).Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// jwk is a key's JSON; change works on its members.
func jwk(t testing.TB, k any, kid string, change map[string]any) map[string]any {
	t.Helper()
	if s, ok := k.(crypto.Signer); ok {
		k = s.Public()
	}
	j, err := jwkset.NewJWKFromKey(k, jwkset.JWKOptions{Marshal: jwkset.JWKMarshalOptions{Private: true}, Metadata: jwkset.JWKMetadataOptions{KID: kid}})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := json.Marshal(j.Marshal())
	m := map[string]any{}
	_ = json.Unmarshal(b, &m)
	for name, v := range change {
		m[name] = v
	}
	return m
}

func set(keys ...map[string]any) string {
	b, _ := json.Marshal(map[string]any{"keys": keys})
	return string(b)
}

var allAlgorithms = []string{"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// Each algorithm lets its own tokens in, from a plain file and from a JWK set with all keys, and no other's.
func TestAlgorithms(t *testing.T) {
	everything := set(jwk(t, []byte(hmacSecret), "HS", nil), jwk(t, keys()["RSA"], "RS", nil), jwk(t, keys()["ES256"], "ES256", nil),
		jwk(t, keys()["ES384"], "ES384", nil), jwk(t, keys()["ES512"], "ES512", nil), jwk(t, keys()["EdDSA"], "EdDSA", nil))
	for _, alg := range allAlgorithms {
		plain := hmacSecret
		if alg[:2] != "HS" {
			plain = publicPEM(t, keyOf(alg))
		}
		for kind, content := range map[string]string{"plain": plain, "set": everything} {
			p := policy(t, auth.Options{JWT: &auth.JWT{Algorithms: []string{alg}, KeyFile: file(t, content)}, Now: newClock().now})
			for _, other := range allAlgorithms {
				token := sign(t, other, "", keyOf(other), claims(nil))
				if got, want := verdict(decide(t, p, bearer(t, token))), other == alg; (got == "ok") != want {
					t.Errorf("%s, allowed %s: a token by %s: %s", kind, alg, other, got)
				}
				last := len(token) - 1
				broken := token[:last-1] + string(rune('A'+(token[last-1]-'A'+1)%26)) + token[last:]
				if got := verdict(decide(t, p, bearer(t, broken))); got != "auth_invalid" {
					t.Errorf("%s, %s: a broken signature: %s", kind, other, got)
				}
			}
		}
	}
}

func TestKeyFileForms(t *testing.T) {
	es, other := keyOf("ES256"), keys()["other"]
	pkcs1 := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&keyOf("RS256").(*rsa.PrivateKey).PublicKey)}))
	private := jwk(t, es, "a", map[string]any{"d": "AAAA"})
	for _, c := range []struct{ name, content, alg, kid, want string }{
		{"two PEM blocks, the second's token", publicPEM(t, other) + "\n\n" + publicPEM(t, es), "ES256", "", "ok"},
		{"a PEM key has no key id", publicPEM(t, es), "ES256", "any", "ok"},
		{"PKCS 1", pkcs1, "RS256", "", "ok"},
		{"CRLF behind a secret", hmacSecret + "\r\n", "HS256", "", "ok"},
		{"key id chooses", set(jwk(t, other, "a", nil), jwk(t, es, "b", nil)), "ES256", "b", "ok"},
		{"key id of another", set(jwk(t, other, "a", nil), jwk(t, es, "b", nil)), "ES256", "a", "auth_invalid"},
		{"unknown key id", set(jwk(t, es, "b", nil)), "ES256", "c", "auth_invalid"},
		{"no key id", set(jwk(t, other, "a", nil), jwk(t, es, "b", nil)), "ES256", "", "ok"},
		{"alg fits", set(jwk(t, es, "a", map[string]any{"alg": "ES256"})), "ES256", "a", "ok"},
		{"alg of another key is passed over", set(jwk(t, keyOf("RS256"), "a", map[string]any{"alg": "RS512"}), jwk(t, keyOf("RS256"), "b", nil)), "RS256", "a", "auth_invalid"},
		{"use is enc", set(jwk(t, es, "a", map[string]any{"use": "enc"}), jwk(t, other, "b", nil)), "ES256", "a", "auth_invalid"},
		{"key_ops without verify", set(jwk(t, es, "a", map[string]any{"key_ops": []string{"sign"}}), jwk(t, other, "b", nil)), "ES256", "a", "auth_invalid"},
		{"a private JWK serves as its public half", set(private), "ES256", "a", "ok"},
		{"keys that are not understood", set(map[string]any{"kty": "new"}, map[string]any{"kty": 7}, jwk(t, es, "a", nil)), "ES256", "a", "ok"},
		{"too many of one id", set(slices.Concat(slices.Repeat([]map[string]any{jwk(t, other, "a", nil)}, 4), []map[string]any{jwk(t, es, "a", nil)})...), "ES256", "a", "auth_invalid"},
	} {
		p, err := auth.New(auth.Options{JWT: &auth.JWT{Algorithms: []string{c.alg}, KeyFile: file(t, c.content)}, Now: newClock().now})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		out := decide(t, p, bearer(t, sign(t, c.alg, c.kid, keyOf(c.alg), claims(nil))))
		if got := verdict(out); got != c.want {
			t.Errorf("%s: %s (%s), want %s", c.name, got, out.Detail, c.want)
		}
	}
}

func TestKeyFileErrors(t *testing.T) {
	small, _ := rsa.GenerateKey(rand.Reader, 1024)
	der, _ := x509.MarshalPKCS8PrivateKey(keyOf("ES256"))
	private := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	es := publicPEM(t, keyOf("ES256"))
	for _, c := range []struct{ name, alg, content, want string }{
		{"empty", "HS256", " \n", "is empty"},
		{"a public key as a secret", "HS256", es, "no key for the allowed algorithms"},
		{"a public key as a secret, in a set", "HS256", set(jwk(t, keyOf("ES256"), "a", nil)), "no key for the allowed algorithms"},
		{"short secret", "HS256", hmacSecret[:31], "needs 32 bytes"},
		{"short for HS512", "HS512", hmacSecret[:63], "HS512 64"},
		{"a secret for ES", "ES256", hmacSecret, "no key for the allowed algorithms"},
		{"a private key", "ES256", private, "give the public key"},
		{"small RSA", "RS256", publicPEM(t, small), "1024 bits"},
		{"broken PEM", "ES256", es + "-----BEGIN PUBLIC KEY-----\nx", "after number 1"},
		{"garbage in PEM", "ES256", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "PEM block 1"},
		{"too many without ids", "ES256", strings.Repeat(es, 5), "at most 4"},
		{"not JSON", "ES256", "{", "not one JSON object"},
		{"twice", "ES256", `{"keys":[],"keys":[]}`, "twice"},
		{"deep", "ES256", strings.Repeat(`{"a":`, 20) + "1" + strings.Repeat("}", 20), "too deeply"},
		{"no list", "ES256", `{"key":[]}`, `no list "keys"`},
		{"no keys", "ES256", `{"keys":[]}`, "no key that could verify"},
		{"too many keys", "ES256", set(slices.Repeat([]map[string]any{{"kty": "EC"}}, 257)...), "at most 256"},
		{"off the curve", "ES256", set(jwk(t, keyOf("ES256"), "a", map[string]any{"x": "AAAA"})), "no key that could verify"},
		{"too large", "ES256", strings.Repeat("x", 1<<20+1), "larger than"},
	} {
		name := file(t, c.content)
		_, err := auth.New(auth.Options{JWT: &auth.JWT{Algorithms: []string{c.alg}, KeyFile: name}})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		} else if strings.Contains(err.Error(), hmacSecret[:20]) {
			t.Errorf("%s: the error tells the secret", c.name)
		}
	}
}
