package interop

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// certificate is one for localhost that is signed with its own key.
type certificate struct {
	leaf []byte // DER
	key  []byte // PKCS #8
}

// certificateFiles are where the gateway looks.
type certificateFiles struct{ cert, key string }

func newCertificate(t testing.TB, commonName string) *certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: commonName},
		DNSNames:     []string{"localhost"},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	leaf, err1 := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	secret, err2 := x509.MarshalPKCS8PrivateKey(key)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return &certificate{leaf, secret}
}

// install writes the first files.
func (c *certificate) install(t testing.TB, dir string) certificateFiles {
	t.Helper()
	files := certificateFiles{filepath.Join(dir, "site.pem"), filepath.Join(dir, "site.key")}
	c.replace(t, files)
	return files
}

// replace puts each file in place as a whole.
func (c *certificate) replace(t testing.TB, files certificateFiles) {
	t.Helper()
	for _, f := range []struct {
		path, kind string
		content    []byte
	}{{files.cert, "CERTIFICATE", c.leaf}, {files.key, "PRIVATE KEY", c.key}} {
		text := pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.content})
		if err := errors.Join(os.WriteFile(f.path+".new", text, 0o600), os.Rename(f.path+".new", f.path)); err != nil {
			t.Fatal(err)
		}
	}
}

// pin is the hash of the public key as Chromium wants it.
func (c *certificate) pin() string {
	leaf, err := x509.ParseCertificate(c.leaf)
	if err != nil {
		panic(err) // it is ours
	}
	hash := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(hash[:])
}

// awaitCertificate makes handshakes until want is shown: no event tells of a reload.
func awaitCertificate(t testing.TB, addr string, want *certificate) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}) // compared below
		if err != nil {
			t.Fatal(err)
		}
		shown := c.ConnectionState().PeerCertificates[0].Raw
		_ = c.Close()
		if bytes.Equal(shown, want.leaf) {
			return
		}
	}
	t.Fatal("the new certificate was never shown")
}
