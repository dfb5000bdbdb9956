package certs_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"weir/gateway/certs"
)

// authority signs certificates for tests.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
	file string
	pool *x509.CertPool
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	a := &authority{key: ecdsaKey(t), pool: x509.NewCertPool()}
	template := &x509.Certificate{SerialNumber: serial(t), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	ok(t, err)
	a.cert, err = x509.ParseCertificate(der)
	ok(t, err)
	a.pool.AddCert(a.cert)
	a.file = filepath.Join(t.TempDir(), name+".pem")
	write(t, a.file, a.pem())
	return a
}

func (a *authority) pem() []byte { return pemBlock("CERTIFICATE", a.cert.Raw) }

// order is a certificate to be issued; what is left out is valid and made with ECDSA.
type order struct {
	names []string
	cn    string
	key   crypto.Signer
	from  time.Duration // from now
	until time.Duration
}

func (a *authority) issue(t testing.TB, o order) (cert, key []byte) {
	t.Helper()
	if o.key == nil {
		o.key = ecdsaKey(t)
	}
	if o.until == 0 {
		o.until = time.Hour
	}
	template := &x509.Certificate{SerialNumber: serial(t), Subject: pkix.Name{CommonName: o.cn}, DNSNames: o.names,
		NotBefore: time.Now().Add(o.from - 2*time.Hour), NotAfter: time.Now().Add(o.until),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, o.key.Public(), a.key)
	ok(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(o.key)
	ok(t, err)
	return pemBlock("CERTIFICATE", der), pemBlock("PRIVATE KEY", pkcs8)
}

// pair issues into files.
func (a *authority) pair(t testing.TB, o order) certs.Pair {
	t.Helper()
	dir := t.TempDir()
	p := certs.Pair{Cert: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key")}
	a.replace(t, p, o)
	return p
}

func (a *authority) replace(t testing.TB, p certs.Pair, o order) {
	t.Helper()
	cert, key := a.issue(t, o)
	write(t, p.Cert, cert)
	write(t, p.Key, key)
}

// client issues a client's certificate.
func (a *authority) client(t testing.TB, o order) tls.Certificate {
	t.Helper()
	cert, key := a.issue(t, o)
	c, err := tls.X509KeyPair(cert, key)
	ok(t, err)
	return c
}

// news are the calls of OnReload or OnOutcome.
type news struct {
	t  testing.TB
	ch chan item
}

type item struct {
	what string
	err  error
}

func newNews(t testing.TB) *news { return &news{t, make(chan item, 64)} }

func (n *news) add(what string, err error) { n.ch <- item{what, err} }

func (n *news) next() item {
	n.t.Helper()
	select {
	case i := <-n.ch:
		return i
	case <-time.After(30 * time.Second):
		n.t.Fatal("nothing was told")
		return item{}
	}
}

func (n *news) wantNone() {
	n.t.Helper()
	select {
	case i := <-n.ch:
		n.t.Fatalf("%q, %v was told, want no call", i.what, i.err)
	default:
	}
}

func newStore(t testing.TB, o certs.Options) *certs.Store {
	t.Helper()
	s, err := certs.New(o)
	ok(t, err)
	t.Cleanup(s.Close)
	return s
}

// server answers each connection's handshake with a Store's Config, and says what came of it.
type server struct {
	addr     string
	outcomes chan outcome
}

type outcome struct {
	state tls.ConnectionState
	err   error
}

func serve(t testing.TB, c *tls.Config) *server { return serveAt(t, c, "127.0.0.1:0") }

func serveAt(t testing.TB, c *tls.Config, addr string) *server {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	ok(t, err)
	s := &server{addr: l.Addr().String(), outcomes: make(chan outcome, 64)}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { s.answer(tls.Server(conn, c)) })
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return s
}

// answer echoes, so that a client that has read a byte has read tickets and alerts before.
func (s *server) answer(conn *tls.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	err := conn.Handshake()
	select {
	case s.outcomes <- outcome{conn.ConnectionState(), err}:
	default: // nobody asks
	}
	b := make([]byte, 1)
	for err == nil {
		if _, err = conn.Read(b); err == nil {
			_, err = conn.Write(b)
		}
	}
}

// dial makes a connection and exchanges a byte.
func (s *server) dial(t testing.TB, c *tls.Config) (*tls.Conn, error) {
	t.Helper()
	d := net.Dialer{Timeout: 10 * time.Second}
	conn, err := tls.DialWithDialer(&d, "tcp", s.addr, c)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { conn.Close() })
	return conn, ping(conn)
}

func ping(conn *tls.Conn) error {
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Write([]byte{'x'}); err != nil {
		return err
	}
	_, err := conn.Read(make([]byte, 1))
	return err
}

// leaf dials for a name and is the certificate shown.
func (s *server) leaf(t testing.TB, name string) *x509.Certificate {
	t.Helper()
	conn, err := s.dial(t, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if err != nil {
		t.Fatalf("dial for %q: %v", name, err)
	}
	return conn.ConnectionState().PeerCertificates[0]
}

func (s *server) wantNames(t testing.TB, name string, want ...string) {
	t.Helper()
	if got := s.leaf(t, name).DNSNames; !slices.Equal(got, want) {
		t.Errorf("for %q: certificate of %q, want %q", name, got, want)
	}
}

func ecdsaKey(t testing.TB) crypto.Signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	return key
}

func rsaKey(t testing.TB) crypto.Signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	return key
}

func serial(t testing.TB) *big.Int {
	n, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	ok(t, err)
	return n
}

func pemBlock(kind string, b []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b})
}

// write replaces the file at once, so that a look never sees half of it by chance.
func write(t testing.TB, file string, b []byte) {
	t.Helper()
	ok(t, os.WriteFile(file+".new", b, 0o600))
	ok(t, os.Rename(file+".new", file))
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
