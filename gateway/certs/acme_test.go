package certs_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"

	"weir/gateway/certs"
	"weir/internal/freeport"
)

// directory is a pebble within this process: an ACME CA that proves domains at a port of this machine.
type directory struct {
	url   string
	stop  func()
	ca    string // PEM file of its own server's authority
	roots *x509.CertPool
}

func newDirectory(t *testing.T, tlsPort int) *directory {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	t.Setenv("PEBBLE_AUTHZREUSE", "0")
	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	issuer := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {ValidityPeriod: 300}})
	web := wfe.New(quiet, store, va.New(quiet, 1, tlsPort, false, "", store), issuer, []string{"ca.test"}, false, false, 1, 1)
	server := httptest.NewTLSServer(web.Handler())
	d := &directory{url: server.URL + wfe.DirectoryPath, stop: func() { server.CloseClientConnections(); server.Close() },
		ca: filepath.Join(t.TempDir(), "acme-ca.pem"), roots: x509.NewCertPool()}
	t.Cleanup(d.stop)
	write(t, d.ca, pemBlock("CERTIFICATE", server.Certificate().Raw))
	root := httptest.NewRecorder()
	web.ManagementHandler().ServeHTTP(root, httptest.NewRequest(http.MethodGet, wfe.RootCertPath+"0", nil))
	d.roots.AppendCertsFromPEM(root.Body.Bytes())
	return d
}

// TestACME obtains by TLS-ALPN-01 beside a static pair, at a site that requires client certificates, serves, renews,
// and takes it from the storage in the next life.
func TestACME(t *testing.T) {
	own := newAuthority(t, "own")
	addr := freeport.Addr(t)
	port := int(netip.MustParseAddrPort(addr).Port())
	d := newDirectory(t, port)
	n := newNews(t)
	o := certs.Options{
		Pairs:    []certs.Pair{own.pair(t, order{names: []string{"static.test"}})},
		ALPN:     []string{"http/1.1"},
		ClientCA: own.file,
		Sites:    []certs.Site{{Names: []string{"localhost"}, ClientAuth: certs.Require}},
		ACME: &certs.ACME{Domains: []string{"localhost"}, Directory: d.url, Email: "ops@example.com",
			OnOutcome: n.add,
			Storage:   filepath.Join(t.TempDir(), "acme"), CA: d.ca, Listen: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))},
	}
	store := newStore(t, o)
	s := serveAt(t, store.Config(), addr)
	client := &tls.Config{ServerName: "localhost", RootCAs: d.roots, Certificates: []tls.Certificate{own.client(t, order{cn: "me"})}}

	insecure := client.Clone()
	insecure.InsecureSkipVerify = true
	conn, err := s.dial(t, insecure)
	ok(t, err)
	if got := conn.ConnectionState().PeerCertificates[0].DNSNames[0]; got != "static.test" {
		t.Errorf("before the first certificate: that of %s, want the default", got)
	}

	store.Start()
	n.wantObtained()
	first := s.wantACME(t, client)
	if info, err := os.Stat(o.ACME.Storage); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("storage folder: %v %v, want it closed to others", info.Mode(), err)
	}
	if got := store.Expiries(); len(got) != 2 || got[0].Name != "localhost" || !got[0].NotAfter.Equal(first.NotAfter) {
		t.Errorf("Expiries: %v, want localhost at %v first", got, first.NotAfter)
	}
	s.wantNames(t, "static.test", "static.test")
	if _, err := s.dial(t, &tls.Config{ServerName: "localhost", RootCAs: d.roots}); err == nil {
		t.Error("ACME has opened the site to clients without a certificate")
	}
	for _, name := range []string{"localhost", "static.test", ""} {
		if _, err := s.dial(t, &tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: []string{"acme-tls/1"}}); err == nil {
			t.Errorf("%q answers a challenge that nobody set", name)
		}
	}
	n.wantNone() // a client's tricks are no news

	ok(t, store.RenewNow(t.Context()))
	n.wantObtained()
	renewed := s.wantACME(t, client)
	for end := time.Now().Add(10 * time.Second); renewed.SerialNumber.Cmp(first.SerialNumber) == 0; renewed = s.wantACME(t, client) {
		if time.Now().After(end) {
			t.Fatal("the renewed certificate is not served")
		}
	}
	store.Close()
	s.wantACME(t, client) // goes on with what it has

	d.stop()
	o.Pairs = nil // so that it is the default as well
	next := newStore(t, o)
	s = serve(t, next.Config())
	next.Start()
	n.wantObtained()
	if got := s.wantACME(t, client); got.SerialNumber.Cmp(renewed.SerialNumber) != 0 {
		t.Error("the certificate was not taken from the storage")
	}
	s.wantNames(t, "other.test", "localhost")
	s.wantNames(t, "", "localhost")
}

func (n *news) wantObtained() {
	n.t.Helper()
	if i := n.next(); i.err != nil || !strings.Contains(i.what, "localhost") {
		n.t.Fatalf("OnOutcome(%q, %v), want a certificate of localhost", i.what, i.err)
	}
}

func (s *server) wantACME(t *testing.T, client *tls.Config) *x509.Certificate {
	t.Helper()
	conn, err := s.dial(t, client)
	ok(t, err)
	return conn.ConnectionState().PeerCertificates[0]
}

// TestACMEFails: the CA cannot reach the domain, which is told, and handshakes end in an alert.
func TestACMEFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	defer l.Close()
	d := newDirectory(t, 1)
	n := newNews(t)
	store := newStore(t, certs.Options{ACME: &certs.ACME{OnOutcome: n.add, Domains: []string{"localhost"}, Directory: d.url,
		Storage: t.TempDir(), CA: d.ca, Listen: l.Addr().String()}})
	s := serve(t, store.Config())
	store.Start()
	if i := n.next(); !errors.Is(i.err, certs.ErrNone) || !strings.Contains(i.err.Error(), "localhost") || !strings.Contains(i.what, "localhost") {
		t.Errorf("OnOutcome(%q, %v), want a failure of localhost", i.what, i.err)
	}
	for _, name := range []string{"localhost", "other.test", ""} {
		_, err := s.dial(t, &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
			t.Errorf("%q: %v, want an alert", name, err)
		}
	}
}

// TestACMEStorageBreaks: what is no attempt at an order is told as well.
func TestACMEStorageBreaks(t *testing.T) {
	n := newNews(t)
	dir := filepath.Join(t.TempDir(), "acme")
	store := newStore(t, certs.Options{ACME: &certs.ACME{OnOutcome: n.add, Domains: []string{"localhost"}, Storage: dir,
		Directory: "https://127.0.0.1:1/"}})
	ok(t, os.Remove(dir))
	write(t, dir, nil)
	store.Start()
	if i := n.next(); i.err == nil || !strings.Contains(i.err.Error(), dir) {
		t.Errorf("OnOutcome(%q, %v), want an error of the storage", i.what, i.err)
	}
}
