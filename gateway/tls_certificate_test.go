package gateway_test

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"weir/gateway/config"
	"weir/gateway/routing"
)

// TestClientCertificate is checked, and told to the backend; nobody else can claim one.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	b := listen(t)
	clients, strangers := newAuthority(t), newAuthority(t)
	change := func(auth config.ClientAuth) func(*config.Config) {
		return func(cfg *config.Config) {
			cfg.TLSClientAuth, cfg.TLSClientCA, cfg.TLSClientHeader = auth, clients.file, "X-Client"
		}
	}
	show := func(c tls.Certificate) func(*tls.Config) {
		return func(conf *tls.Config) {
			conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c, nil }
		}
	}
	ask := func(e *rig, want string, change ...func(*tls.Config)) {
		t.Helper()
		client := e.secure(change...)
		client.write(handshake("/", "X-Client: CN=forged", "x_client: CN=forged"))
		server := b.accept()
		m := server.upgrade()
		wantFields(t, m, map[string]string{"X-Client": want})
		if strings.Contains(m.text, "forged") {
			t.Errorf("the forged identity passed:\n%s", m.text)
		}
		client.wantStatus(101)
	}
	e := startTLS(t, change(config.ClientAuthAsk), b.url())
	ask(e, "CN=robot", show(clients.client("robot")))
	ask(e, "")
	wantFields(t, told(t, e, b, "", "X-Client: CN=forged"), map[string]string{"X-Client": ""})
	s, err := e.trySecure(show(strangers.client("robot")))
	wantAlert(t, s, err)
	wantMetric(t, e, `weir_tls_handshake_failures_total{reason="client_certificate_invalid"}`, 1)

	e = startTLS(t, change(config.ClientAuthRequire), b.url())
	ask(e, "CN=robot", show(clients.client("robot")))
	s, err = e.trySecure()
	wantAlert(t, s, err)
	wantMetric(t, e, `weir_tls_handshake_failures_total{reason="client_certificate_missing"}`, 1)
}

// TestMisdirected requests reach no site that wants a certificate over a connection made for another.
func TestMisdirected(t *testing.T) {
	t.Parallel()
	b := listen(t)
	clients := newAuthority(t)
	e := startTLS(t, func(cfg *config.Config) {
		cfg.Sites = []config.Site{{Names: []string{"admin.weir.test"}, ClientAuth: config.ClientAuthRequire, ClientCA: clients.file}}
	}, b.url())
	for _, host := range []string{"admin.weir.test", "ADMIN.weir.test.", "admin.weir.test:443"} {
		for _, request := range []string{
			strings.Replace(handshake("/"), "weir.test", host, 1),
			head("GET / HTTP/1.1", "Host: "+host),
		} {
			s := e.secure()
			s.write(request)
			s.wantStatus(421)
		}
	}
	b.wantUntouched()
	certificate := clients.client("root")
	s := e.secure(func(c *tls.Config) { c.ServerName, c.Certificates = "admin.weir.test", []tls.Certificate{certificate} })
	s.write(strings.Replace(handshake("/"), "weir.test", "admin.weir.test", 1))
	b.accept().upgrade()
	s.wantStatus(101)
	wantMetric(t, e, `weir_sessions_refused_total{reason="misdirected_request"}`, 6)
}

// TestSitesBelow: *. means any depth for a site as it does for a route, over every protocol; what is no host has no site
// and no route.
func TestSitesBelow(t *testing.T) {
	t.Parallel()
	inner, open := listen(t), listen(t)
	clients := newAuthority(t)
	e := startTLS(t, func(cfg *config.Config) {
		cfg.Sites = []config.Site{{Names: []string{"*.int.weir.test"}, ClientAuth: config.ClientAuthRequire, ClientCA: clients.file}}
		addRoute(cfg, "inner", routing.Match{Hosts: []string{"*.int.weir.test"}}, func(own *config.Config) { own.Upstream = []string{inner.url()} })
	}, open.url())
	overH2 := &http.Client{Transport: &http.Transport{TLSClientConfig: e.ca.clientTLS(func(c *tls.Config) { c.NextProtos = []string{"h2"} }), ForceAttemptHTTP2: true}}
	defer overH2.CloseIdleConnections()
	for host, want := range map[string]int{
		"a.int.weir.test": 421, "b.a.int.weir.test": 421, "C.b.A.int.weir.test.": 421, "c.b.a.int.weir.test:443": 421,
		".int.weir.test": 400, "b..int.weir.test": 400, "b.int..weir.test": 400, "a.int.weir.test..": 400,
		strings.Repeat("b.", 125) + "int.weir.test": 400,
	} {
		for _, request := range []string{
			strings.Replace(handshake("/"), "weir.test", host, 1),
			head("GET / HTTP/1.1", "Host: "+host),
		} {
			s := e.secure()
			s.write(request)
			s.wantStatus(want)
			clear := connect(t, e)
			clear.write(request)
			if want == 421 { // there is no certificate in clear
				clear.wantStatus(403)
			} else {
				clear.wantStatus(want)
			}
		}
		r, _ := http.NewRequest("GET", "https://"+e.secureAddr()+"/", nil)
		r.Host = host
		answer, err := overH2.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want || answer.ProtoMajor != 2 {
			t.Errorf("%s: %s %s, want %d", host, answer.Proto, answer.Status, want)
		}
	}
	for _, name := range []string{"a.int.weir.test", "b.a.int.weir.test"} {
		s, err := e.trySecure(func(c *tls.Config) { c.ServerName, c.InsecureSkipVerify = name, true })
		wantAlert(t, s, err)
	}
	inner.wantUntouched()
	open.wantUntouched()
	certificate := clients.client("root")
	s := e.secure(func(c *tls.Config) {
		c.ServerName, c.InsecureSkipVerify, c.Certificates = "b.a.int.weir.test", true, []tls.Certificate{certificate}
	})
	s.write(strings.Replace(handshake("/"), "weir.test", "b.a.int.weir.test", 1))
	inner.accept().upgrade()
	s.wantStatus(101)
}
