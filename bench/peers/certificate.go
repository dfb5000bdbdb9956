//go:build linux

package peers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"weir/bench/load"
)

// serverName is whom the certificate is for.
const serverName = "localhost"

// Certificate is what every peer of a comparison shows its clients: self-signed, ECDSA P-256, for
// localhost and 127.0.0.1, good for a day.
type Certificate struct {
	Chain, Key []byte // PEM
	leaf       *x509.Certificate
}

// NewCertificate makes one.
func NewCertificate() (*Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		NotBefore:    now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{serverName}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return &Certificate{
		Chain: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:   pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}),
		leaf:  leaf,
	}, nil
}

// Client is the configuration of clients that trust this certificate and no other.
func (c *Certificate) Client() *tls.Config {
	config := load.ClientTLS(serverName)
	config.RootCAs = x509.NewCertPool()
	config.RootCAs.AddCert(c.leaf)
	return config
}

// write puts the two files into dir, named so that HAProxy finds the key beside the chain.
func (c *Certificate) write(dir string) error {
	if err := os.WriteFile(chainFile(dir), c.Chain, 0o600); err != nil {
		return err
	}
	return os.WriteFile(keyFile(dir), c.Key, 0o600)
}

func chainFile(dir string) string { return filepath.Join(dir, "tls.pem") }
func keyFile(dir string) string   { return filepath.Join(dir, "tls.pem.key") }
