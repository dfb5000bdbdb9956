package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// What TLS with an endpoint can fail of. It counts as a failed connect, whose reason names it.
func TestHandshakeFails(t *testing.T) {
	serve := func(config *tls.Config) func(net.Conn) {
		return func(conn net.Conn) {
			secure := tls.Server(conn, config)
			_ = secure.Handshake()
			_, _ = io.Copy(io.Discard, conn) // so that no reset overtakes an alert
		}
	}
	demanding := func(version uint16) *tls.Config {
		config := trusted.server("127.0.0.1")
		config.ClientAuth, config.ClientCAs, config.MaxVersion = tls.RequireAndVerifyClientCert, trusted.pool(), version
		return config
	}
	inClear := func(conn net.Conn) {
		_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
		_, _ = io.Copy(io.Discard, conn)
	}
	expired := &tls.Config{Certificates: []tls.Certificate{trusted.issue(time.Now().Add(-time.Hour), "127.0.0.1")}}
	old := trusted.server("127.0.0.1")
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	mute := trusted.server("127.0.0.1")
	mute.NextProtos = nil
	one := trusted.server("127.0.0.1")
	one.NextProtos = []string{"http/1.1"}
	two := trusted.server("127.0.0.1")
	two.NextProtos = []string{"other"}
	for name, c := range map[string]struct {
		scheme  string
		backend func(net.Conn)
		refusal string
		why     string
	}{
		"unknown authority":           {"wss", serve(stranger.server("127.0.0.1")), "backend_tls_failed", "signed by unknown authority"},
		"unknown authority of a pool": {"h2", serve(stranger.server("127.0.0.1")), "backend_tls_failed", "signed by unknown authority"},
		"another name":                {"wss", serve(trusted.server("evil.example", "127.0.0.2")), "backend_tls_failed", "not valid for 127.0.0.1"},
		"expired":                     {"wss", serve(expired), "backend_tls_failed", "expired"},
		"old version":                 {"wss", serve(old), "backend_tls_failed", "protocol version"},
		"wants a certificate, 1.2":    {"wss", serve(demanding(tls.VersionTLS12)), "backend_tls_failed", "handshake failure"},
		"wants a certificate, 1.3":    {"wss", serve(demanding(tls.VersionTLS13)), "backend_tls_failed", "certificate required"},
		"so does a pool's":            {"h2", serve(demanding(tls.VersionTLS13)), "backend_tls_failed", "certificate required"},
		"HTTP in clear":               {"wss", inClear, "backend_tls_failed", "does not speak TLS"},
		"closes":                      {"wss", func(c net.Conn) { _, _ = c.Read(make([]byte, 16<<10)) }, "backend_tls_failed", "closed the connection in the handshake"},
		"resets":                      {"wss", func(c net.Conn) { _ = socket(c).SetLinger(0) }, "backend_connect_failed", "reset"},
		"tunnels with no HTTP/1.1":    {"wss", serve(two), "backend_tls_failed", "no application protocol"},
		"pool without ALPN":           {"h2", serve(mute), "backend_connect_failed", "ALPN h2"},
		"pool with no HTTP/2":         {"h2", serve(one), "backend_tls_failed", "no application protocol"},
		"silent":                      {"wss", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, "backend_connect_timeout", "timed out in TCP or TLS"},
		"silent pool":                 {"wss+h2", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, "backend_connect_timeout", "timed out in TCP or TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			b := listen(t)
			r := newRig(t, func(d *Dialer) {
				if strings.HasPrefix(name, "silent") {
					d.ConnectTimeout = 50 * time.Millisecond
				}
			}, b.url(c.scheme))
			for range 3 { // as many as mark an endpoint down
				client := r.ask(1)[0]
				conn := b.raw()
				go func() { c.backend(conn); conn.Close() }()
				client.want("refused " + c.refusal)
			}
			e := r.dialer.Group.Endpoints()[0]
			if n := e.Stats().ConnectFailures; n != 3 {
				t.Errorf("counts as %d failures", n)
			}
			if state, why, _ := e.State(); state != Unhealthy || !strings.Contains(why, c.why) || strings.Contains(why, "evil") {
				t.Errorf("the endpoint is %s: %s", state, why)
			}
		})
	}
}

// Where a handshake fails the request has not been seen, so another endpoint may have it.
func TestHandshakeFailsAndAnotherServes(t *testing.T) {
	secureBackends = true
	t.Cleanup(func() { secureBackends = false })
	one, two := listen(t), listen(t)
	r := newRig(t, nil, one.url("ws"), two.url("ws"))
	if strings.HasSuffix(r.dialer.Group.First(1, nil).Name, two.ln.Addr().String()) {
		one, two = two, one
	}
	c := r.ask(1)[0]
	go func() { _ = tls.Server(one.raw(), stranger.server("127.0.0.1")).Handshake() }()
	if _, err := upgrade(two.plain()); err != nil {
		t.Fatal(err)
	}
	c.want("answer 101")
}

// ALPN settles how an endpoint that may be pooled is reached, and that is remembered.
func TestALPNDecides(t *testing.T) {
	for name, protocols := range map[string][]string{"HTTP/1.1 alone": {"http/1.1"}, "no ALPN": nil} {
		t.Run(name, func(t *testing.T) {
			b := listen(t)
			b.tls = trusted.server("127.0.0.1")
			b.tls.NextProtos = protocols
			r := newRig(t, nil, b.url("ws+h2c"))
			c := r.ask(1)[0]
			if n, err := b.plain().Read(make([]byte, 1)); n != 0 {
				t.Errorf("the connection for the pool got a byte of HTTP/2, %v", err)
			}
			for range 2 {
				if _, err := upgrade(b.plain()); err != nil {
					t.Fatal(err)
				}
				c.want("answer 101")
				c = r.ask(1)[0]
			}
			if _, err := upgrade(b.plain()); err != nil {
				t.Fatal(err)
			}
			if n := r.dialer.Group.Endpoints()[0].Stats().ConnectFailures; n != 0 {
				t.Errorf("counts as %d failures", n)
			}
		})
	}
}

// tlsServer is net/http's, answering upgrades with 101, and gives what TLS has settled for each.
func tlsServer(t *testing.T, config *tls.Config) (url string, seen chan tls.ConnectionState) {
	t.Helper()
	seen = make(chan tls.ConnectionState, 16)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{TLSConfig: config, ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		seen <- *q.TLS
		if q.Header.Get("Upgrade") == "" {
			return // a health check
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, switching(""))
		_, _ = io.Copy(conn, conn)
	})}
	go func() { _ = server.ServeTLS(ln, "", "") }()
	t.Cleanup(func() { _ = server.Close() })
	return "wss://" + ln.Addr().String(), seen
}

func TestReconnectsResume(t *testing.T) {
	url, seen := tlsServer(t, trusted.server("127.0.0.1"))
	r := newRig(t, nil, url)
	for i := range 3 {
		c := r.ask(1)[0]
		c.want("answer 101")
		c.write("hello")
		if got := c.read(5); string(got) != "hello" {
			t.Fatalf("received %q", got)
		}
		if state := <-seen; state.DidResume != (i > 0) || state.NegotiatedProtocol != "http/1.1" || state.Version != tls.VersionTLS13 {
			t.Errorf("connection %d: resumed %v, %q", i, state.DidResume, state.NegotiatedProtocol)
		}
	}
}

// The operator's template says who the endpoint should be, who we are, and whether that is looked at.
func TestTLSTemplate(t *testing.T) {
	mutual := trusted.server("chat.internal")
	mutual.ClientAuth, mutual.ClientCAs = tls.RequireAndVerifyClientCert, trusted.pool()
	url, seen := tlsServer(t, mutual)
	for name, c := range map[string]struct {
		change func(*tls.Config)
		event  string
	}{
		"server name":    {func(c *tls.Config) { c.ServerName = "chat.internal" }, "answer 101"},
		"skip verify":    {func(c *tls.Config) { c.InsecureSkipVerify, c.RootCAs = true, nil }, "answer 101"},
		"neither":        {func(*tls.Config) {}, "refused backend_tls_failed"},
		"system's roots": {func(c *tls.Config) { c.ServerName, c.RootCAs = "chat.internal", nil }, "refused backend_tls_failed"},
		"no certificate": {func(c *tls.Config) { c.ServerName, c.Certificates = "chat.internal", nil }, "refused backend_tls_failed"},
		"versions too new": {func(c *tls.Config) {
			c.ServerName, c.MinVersion, c.MaxVersion = "chat.internal", tls.VersionTLS10, tls.VersionTLS11
		}, "refused backend_tls_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			template := trusted.client()
			template.Certificates = []tls.Certificate{trusted.issue(time.Time{}, "weir")}
			c.change(template)
			r := newRigWith(t, nil, Options{TLS: template}, url)
			r.ask(1)[0].want(c.event)
			if c.event == "answer 101" {
				if peers := (<-seen).PeerCertificates; len(peers) != 1 || peers[0].DNSNames[0] != "weir" {
					t.Errorf("the backend saw %d certificates", len(peers))
				}
			}
		})
	}
}

// A name in the endpoint's URL is what its certificate has to be for; SNI asks for it.
func TestServerNameIsTheHost(t *testing.T) {
	spec, err := ParseSpec("wss+h2://Chat.Internal")
	if err != nil {
		t.Fatal(err)
	}
	template := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS13, NextProtos: []string{"x"}}
	c := newClientTLS(template, spec)
	for config, protocols := range map[*tls.Config]string{c.tunnel: "http/1.1", c.pool: "h2 http/1.1"} {
		if config.ServerName != "chat.internal" || config.RootCAs != template.RootCAs || config.MinVersion != tls.VersionTLS13 ||
			strings.Join(config.NextProtos, " ") != protocols || config.ClientSessionCache == nil {
			t.Errorf("%+v", config)
		}
	}
	if template.ServerName != "" || template.NextProtos[0] != "x" {
		t.Error("the template was changed")
	}
}

func TestPooledRequestsOverTLSAreHTTPS(t *testing.T) {
	b := listen(t)
	b.tls = trusted.server("127.0.0.1")
	r := newRig(t, nil, b.url("ws+h2c"))
	r.ask(1)
	f := find(b.accept(), func(*http2.MetaHeadersFrame) bool { return true })
	if got := f.PseudoValue("scheme"); got != "https" {
		t.Errorf(":scheme is %q", got)
	}
}

func TestHandshakeCancel(t *testing.T) {
	for _, scheme := range []string{"wss", "h2"} {
		b := listen(t)
		r := newRig(t, nil, b.url(scheme))
		c := r.ask(1)[0]
		conn := b.raw()
		if _, err := conn.Read(make([]byte, 1)); err != nil { // the handshake has begun
			t.Fatal(err)
		}
		r.do(c.close)
		r.do(r.links.Close)
		if scheme == "wss" {
			if _, err := io.Copy(io.Discard, conn); err != nil && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the connection is still open: %v", err)
			}
		}
	}
}
