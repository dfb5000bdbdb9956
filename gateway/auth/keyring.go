package auth

import (
	"errors"
	"fmt"
)

// maxTries bounds the keys that one token is tried against: each try costs the loop a verification.
const maxTries = 4

// keyring is a set of keys; a nil one has none. Immutable.
type keyring struct {
	named   map[string][]key // by key id
	unnamed []key
	all     []key
}

func newKeyring() *keyring { return &keyring{named: make(map[string][]key)} }

func (kr *keyring) add(id string, k key) {
	kr.all = append(kr.all, k)
	if id == "" {
		kr.unnamed = append(kr.unnamed, k)
		return
	}
	kr.named[id] = append(kr.named[id], k)
}

// fitting gives the first keys that may have signed a token: those of its key id; if the set knows none of that id,
// those without one; without a key id any. named tells that the set knows the id: else another set may have the right key.
func (kr *keyring) fitting(id, name string, a algorithm) (keys [maxTries]key, n int, named bool) {
	if kr == nil {
		return keys, 0, false
	}
	list := kr.all
	if id != "" {
		list, named = kr.named[id]
		if !named {
			list = kr.unnamed
		}
	}
	for _, k := range list {
		if n < maxTries && k.fits(name, a) {
			keys[n] = k
			n++
		}
	}
	return keys, n, named
}

// check refuses a set of which keys would never be tried, and one without a key for the algorithms.
func (kr *keyring) check(allowed map[string]algorithm) error {
	if len(kr.all) > maxKeys {
		return fmt.Errorf("has %d keys; at most %d are taken", len(kr.all), maxKeys)
	}
	useful := 0
	for name, a := range allowed {
		if n := count(kr.unnamed, name, a); n > maxTries {
			return fmt.Errorf("has %d keys for %s without a key id; a token is tried against at most %d: use a JWK set with key ids", n, name, maxTries)
		}
		useful += count(kr.all, name, a)
	}
	if useful == 0 {
		return errors.New("has no key for the allowed algorithms; a secret for HS256 needs 32 bytes, HS384 48, HS512 64 (RFC 7518 section 3.2)")
	}
	return nil
}

// count tells how many keys serve an algorithm.
func count(keys []key, name string, a algorithm) (n int) {
	for _, k := range keys {
		if k.fits(name, a) {
			n++
		}
	}
	return n
}
