package certs

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"weir/internal/watch"
)

// maxFile bounds what is read of a file, in bytes; a chain with its key takes about 10 KiB.
const maxFile = 1 << 20

func pairSource(p Pair, first bool) *watch.Files[*tls.Certificate] {
	return &watch.Files[*tls.Certificate]{
		What:  "certificate " + p.Cert,
		Names: []string{p.Cert, p.Key},
		Max:   maxFile,
		Parse: func(content [][]byte) (*tls.Certificate, error) {
			c, err := parsePair(content[0], content[1])
			if err != nil {
				return nil, fmt.Errorf("with key %s: %w", p.Key, err)
			}
			if !first && len(c.Leaf.DNSNames) == 0 {
				return nil, errors.New("names no host (subject alternative name), so only the first pair, the default, may be like it")
			}
			return c, nil
		},
		Warn: func(c *tls.Certificate) error { return expired(c.Leaf, time.Now()) },
	}
}

// ReadPair reads a pair once.
func ReadPair(p Pair) (*tls.Certificate, error) {
	source := pairSource(p, true)
	out := source.Look()
	return source.Value(), out.Err
}

// parsePair is tls.X509KeyPair with the mistakes told apart that people make.
func parsePair(cert, key []byte) (*tls.Certificate, error) {
	switch {
	case !hasBlock(cert, "CERTIFICATE"):
		return nil, errors.New("there is no CERTIFICATE block in the certificate file; is it PEM, and wholly written?")
	case !hasBlock(key, "PRIVATE KEY"):
		return nil, errors.New("there is no PRIVATE KEY block in the key file; is it PEM, and wholly written?")
	case hasBlock(key, "ENCRYPTED PRIVATE KEY"), bytes.Contains(key, []byte("Proc-Type: 4,ENCRYPTED")):
		return nil, errors.New("the key has a passphrase, which nobody is here to type; take it off with openssl pkey")
	}
	c, err := tls.X509KeyPair(cert, key)
	if err != nil {
		if n := place(cert, key); n > 1 {
			return nil, fmt.Errorf("the chain is in the wrong order: the key belongs to certificate %d of it; put that first, then the one that signed it, and so on", n)
		}
		return nil, fmt.Errorf("%w; do both files come from the same renewal?", err)
	}
	if c.Leaf == nil { // GODEBUG=x509keypairleaf=0
		c.Leaf, err = x509.ParseCertificate(c.Certificate[0])
	}
	return &c, err
}

// place is the number of the chain's first certificate that belongs to the key; 0 if none does.
func place(chain, key []byte) int {
	for n := 1; ; {
		block, rest := pem.Decode(chain)
		if block == nil {
			return 0
		}
		if chain = rest; block.Type != "CERTIFICATE" {
			continue
		}
		if _, err := tls.X509KeyPair(pem.EncodeToMemory(block), key); err == nil {
			return n
		}
		n++
	}
}

// hasBlock says whether there is a whole PEM block of a type that ends so.
func hasBlock(b []byte, suffix string) bool {
	for {
		block, rest := pem.Decode(b)
		if block == nil {
			return false
		}
		if bytes.HasSuffix([]byte(block.Type), []byte(suffix)) {
			return true
		}
		b = rest
	}
}

// expired is ErrExpired with the time, if the certificate does not hold now.
func expired(leaf *x509.Certificate, now time.Time) error {
	switch {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("%w: it ended on %s, and clients will refuse it; renew it", ErrExpired, leaf.NotAfter.Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("%w: it begins on %s; is the clock right?", ErrExpired, leaf.NotBefore.Format(time.RFC3339))
	}
	return nil
}

// authorities verify client certificates.
type authorities struct {
	pool *x509.CertPool
	sum  [sha256.Size]byte // of the certificates, which tells one set from another
}

func authoritySource(file string) *watch.Files[authorities] {
	return &watch.Files[authorities]{What: "client authorities " + file, Names: []string{file}, Max: maxFile,
		Parse: func(content [][]byte) (authorities, error) { return parseAuthorities(content[0]) }}
}

// parseAuthorities takes all certificates or none: a set that lost one in silence would lock clients out.
func parseAuthorities(b []byte) (authorities, error) {
	a, sum, n := authorities{pool: x509.NewCertPool()}, sha256.New(), 0
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if n++; err != nil {
			return a, fmt.Errorf("certificate %d: %w", n, err)
		}
		a.pool.AddCert(c)
		sum.Write(c.Raw)
	}
	if n == 0 {
		return a, errors.New("there is no CERTIFICATE block in it; is it PEM, and wholly written?")
	}
	a.sum = [sha256.Size]byte(sum.Sum(nil))
	return a, nil
}
