package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// family is a type of key. One serves its own algorithms alone, so that no public key is ever a secret of HMAC.
type family uint8

const (
	secret family = iota + 1
	rsaKey
	p256
	p384
	p521
	ed
)

type algorithm struct {
	method jwt.SigningMethod
	family family
	least  int  // bytes of a secret (RFC 7518 section 3.2)
	slow   bool // takes about a millisecond or more: not on an event loop
}

var algorithms = map[string]algorithm{
	"HS256": {jwt.SigningMethodHS256, secret, 32, false}, "HS384": {jwt.SigningMethodHS384, secret, 48, false}, "HS512": {jwt.SigningMethodHS512, secret, 64, false},
	"RS256": {jwt.SigningMethodRS256, rsaKey, 0, false}, "RS384": {jwt.SigningMethodRS384, rsaKey, 0, false}, "RS512": {jwt.SigningMethodRS512, rsaKey, 0, false},
	"PS256": {jwt.SigningMethodPS256, rsaKey, 0, false}, "PS384": {jwt.SigningMethodPS384, rsaKey, 0, false}, "PS512": {jwt.SigningMethodPS512, rsaKey, 0, false},
	"ES256": {jwt.SigningMethodES256, p256, 0, false}, "ES384": {jwt.SigningMethodES384, p384, 0, true}, "ES512": {jwt.SigningMethodES512, p521, 0, true},
	"EdDSA": {jwt.SigningMethodEdDSA, ed, 0, false},
}

// chosen picks the algorithms of a list.
func chosen(names []string) (map[string]algorithm, error) {
	if len(names) == 0 {
		return nil, fmt.Errorf("JWT: no algorithm is allowed: name those that your issuer signs with, such as RS256")
	}
	all := make(map[string]algorithm, len(names))
	for _, name := range names {
		a, ok := algorithms[name]
		if !ok {
			return nil, fmt.Errorf("JWT: there is no algorithm %q: want some of %s", name, strings.Join(slices.Sorted(maps.Keys(algorithms)), ", "))
		}
		all[name] = a
	}
	return all, nil
}

// key verifies. Immutable.
type key struct {
	value  any // []byte, *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey
	family family
	alg    string // it serves this one only; "": all of its family
}

// String keeps a secret out of whatever prints a key.
func (k key) String() string { return fmt.Sprintf("key of type %T", k.value) }

// GoString does so for %#v.
func (k key) GoString() string { return k.String() }

// newKey takes what a public key may be. Large moduli cost an event loop too long, small ones protect nothing (RFC 7518
// section 3.3).
func newKey(value any, alg string) (key, error) {
	k := key{value: value, alg: alg}
	switch v := value.(type) {
	case []byte:
		k.family = secret
	case ed25519.PublicKey:
		k.family = ed
	case *ecdsa.PublicKey:
		k.family = map[string]family{"P-256": p256, "P-384": p384, "P-521": p521}[v.Curve.Params().Name]
	case *rsa.PublicKey:
		if bits := v.N.BitLen(); bits < 2048 || bits > 8192 {
			return k, fmt.Errorf("an RSA key of %d bits; it needs 2048 to 8192", bits)
		}
		k.family = rsaKey
	}
	if k.family == 0 {
		return k, fmt.Errorf("a key of type %T, which signs no JWT", value)
	}
	return k, nil
}

func (k key) fits(name string, a algorithm) bool {
	if k.family != a.family || k.alg != "" && k.alg != name {
		return false
	}
	b, isSecret := k.value.([]byte)
	return !isSecret || len(b) >= a.least
}
