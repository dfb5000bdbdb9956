package auth

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"github.com/MicahParks/jwkset"
)

const (
	maxKeySet = 1 << 20 // bytes
	maxKeys   = 256
)

// parseFile reads what a file of keys holds: PEM blocks, a JWK set (it begins with '{'), else the bytes of one secret,
// less a line end behind them.
func parseFile(b []byte, allowed map[string]algorithm) (*keyring, error) {
	var kr *keyring
	var err error
	switch trimmed := bytes.TrimSpace(b); {
	case len(trimmed) == 0:
		return nil, errors.New("is empty")
	case bytes.Contains(b, []byte("-----BEGIN")):
		kr, err = parsePEM(trimmed)
	case trimmed[0] == '{':
		kr, err = parseKeySet(trimmed, true)
	default:
		kr = newKeyring()
		kr.add("", key{value: bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r")), family: secret})
	}
	if err == nil {
		err = kr.check(allowed)
	}
	return kr, err
}

// parsePEM takes public keys and certificates.
func parsePEM(b []byte) (*keyring, error) {
	kr := newKeyring()
	for n := 1; len(b) > 0; n++ {
		block, rest := pem.Decode(b)
		if block == nil {
			return nil, fmt.Errorf("has no PEM block after number %d", n-1)
		}
		b = bytes.TrimSpace(rest)
		public, err := publicKey(block)
		if err != nil {
			return nil, fmt.Errorf("PEM block %d: %w", n, err)
		}
		k, err := newKey(public, "")
		if err != nil {
			return nil, fmt.Errorf("PEM block %d: %w", n, err)
		}
		kr.add("", k)
	}
	return kr, nil
}

func publicKey(block *pem.Block) (any, error) {
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return c.PublicKey, nil
	}
	return nil, fmt.Errorf("is a %.40q; give the public key (openssl pkey -pubout) or the certificate: a gateway only verifies", block.Type)
}

// parseKeySet reads a JWK set (RFC 7517 section 5). Keys that are not understood or not for signatures are passed over,
// as the RFC asks. Secrets are taken from one's own file only: what a URL serves is public.
func parseKeySet(b []byte, own bool) (*keyring, error) {
	if len(b) > maxKeySet {
		return nil, fmt.Errorf("is larger than %d bytes", maxKeySet)
	}
	if _, err := parseObject(b); err != nil {
		return nil, err
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal(b, &set) != nil || set.Keys == nil {
		return nil, errors.New(`has no list "keys"`)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("has %d keys; at most %d are taken", len(set.Keys), maxKeys)
	}
	kr := newKeyring()
	for _, raw := range set.Keys {
		if id, k, err := parseJWK(raw, own); err == nil {
			kr.add(id, k)
		}
	}
	if len(kr.all) == 0 {
		return nil, errors.New("has no key that could verify a signature")
	}
	return kr, nil
}

func parseJWK(raw json.RawMessage, own bool) (id string, k key, err error) {
	var m jwkset.JWKMarshal
	if err := json.Unmarshal(raw, &m); err != nil {
		return "", k, err
	}
	isSecret := m.KTY == jwkset.KtyOct
	switch {
	case isSecret && !own:
		return "", k, errors.New("a secret that is public")
	case m.USE != "" && m.USE != jwkset.UseSig, len(m.KEYOPS) > 0 && !slices.Contains(m.KEYOPS, jwkset.KeyOpsVerify):
		return "", k, errors.New("not for signatures")
	}
	m.X5C, m.X5T, m.X5TS256, m.X5U = nil, "", "", "" // the key counts, not the certificates that repeat it
	parsed, err := jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{Private: isSecret}, jwkset.JWKValidateOptions{SkipKeyOps: true})
	if err != nil {
		return "", k, err
	}
	k, err = newKey(parsed.Key(), string(m.ALG))
	return m.KID, k, err
}
