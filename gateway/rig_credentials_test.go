package gateway_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"weir/gateway/config"
)

const hmacSecret = "a secret of the tests that is long enough for HMAC with SHA-256"

var tokenEncoding = base64.RawURLEncoding

// ecKey signs ES256; key sets call it "one".
var ecKey = sync.OnceValue(func() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
})

// keySet is the JWK set that holds ecKey.
func keySet(t testing.TB) string {
	t.Helper()
	point, err := ecKey().PublicKey.Bytes() // 4, x, y
	if err != nil {
		t.Fatal(err)
	}
	coordinate := tokenEncoding.EncodeToString
	text, err := json.Marshal(map[string]any{"keys": []any{map[string]any{"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "one",
		"x": coordinate(point[1:33]), "y": coordinate(point[33:])}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// fileOf writes a file of keys, users or addresses.
func fileOf(t testing.TB, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	rewrite(t, name, content)
	return name
}

func rewrite(t testing.TB, name, content string) {
	t.Helper()
	next := name + ".next" // renamed, since whoever reads it meanwhile would find half of it
	if err := os.WriteFile(next, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, name); err != nil {
		t.Fatal(err)
	}
}

// token is one of ada's that counts for an hour, but for what more says.
func token(t testing.TB, alg string, more jwt.MapClaims) string {
	t.Helper()
	claims := jwt.MapClaims{"sub": "ada", "exp": time.Now().Add(time.Hour).Unix()}
	for k, v := range more {
		claims[k] = v
	}
	unsigned, key := jwt.NewWithClaims(jwt.GetSigningMethod(alg), claims), any([]byte(hmacSecret))
	if alg == "ES256" {
		unsigned.Header["kid"], key = "one", ecKey()
	}
	signed, err := unsigned.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// takeTokens has a gateway ask for tokens that are signed with HS256, in any of the places.
func takeTokens(t testing.TB, cfg *config.Config, from ...string) {
	cfg.JWTKeys, cfg.JWTAlgorithm, cfg.JWTFrom, cfg.JWTLeeway = fileOf(t, hmacSecret), []string{"HS256"}, from, 0
	cfg.CloseTimeout = 200 * time.Millisecond
}

// takeRemote has a gateway ask for tokens whose keys are fetched from s.
func takeRemote(cfg *config.Config, s *service) {
	cfg.JWTJWKSURL, cfg.JWTAlgorithm, cfg.CloseTimeout = s.URL, []string{"ES256"}, 200*time.Millisecond
}

func bearer(token string) string { return "Authorization: Bearer " + token }
