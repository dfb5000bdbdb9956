package web_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// raw is a client's socket without an HTTP library in the way.
type raw struct {
	net.Conn
	*bufio.Reader
}

func (r *rig) raw(text string) raw {
	r.t.Helper()
	conn, err := net.Dial(r.addr.Network(), r.addr.String())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, text)
	return raw{conn, bufio.NewReader(conn)}
}

// idle is a connection that had its answer, in HTTP/1.1 with or without TLS.
func (r *rig) idle() net.Conn {
	r.t.Helper()
	c := r.raw("")
	if strings.HasPrefix(r.url, "https:") {
		c.Conn = tls.Client(c.Conn, clientTrust())
		c.Reader = bufio.NewReader(c.Conn)
	}
	_, _ = io.WriteString(c, "GET /idle HTTP/1.1\r\nHost: x\r\n\r\n")
	c.answer(r.t)
	return c
}

func clientTrust() *tls.Config {
	_, trust := credentials()
	trust = trust.Clone()
	trust.ServerName = "127.0.0.1"
	return trust
}

func (c raw) Read(b []byte) (int, error) { return c.Reader.Read(b) }

// answer reads a whole one.
func (c raw) answer(t testing.TB) (*http.Response, string) {
	t.Helper()
	res, err := http.ReadResponse(c.Reader, nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("the answer broke off: %v", err)
	}
	return res, string(all)
}

// backend starts an endpoint and gives its spec.
func backend(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return specOf("ws", s.URL)
}

func specOf(scheme, address string) string {
	u, _ := url.Parse(address)
	return scheme + "://" + u.Host
}

// nowhere is the spec of an endpoint that refuses connections.
func nowhere(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "ws://" + l.Addr().String()
}

// addrPort is none where a is a unix socket's.
func addrPort(a net.Addr) (at netip.AddrPort) {
	if tcp, ok := a.(*net.TCPAddr); ok {
		at = tcp.AddrPort()
	}
	return at
}

// credentials borrows what httptest has: a certificate for 127.0.0.1, and the trust in it.
var credentials = sync.OnceValues(func() (tls.Certificate, *tls.Config) {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return s.TLS.Certificates[0], &tls.Config{RootCAs: pool}
})

// equal compares and tells.
func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
