package certs_test

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"

	"weir/gateway/certs"
)

func TestChoiceByName(t *testing.T) {
	ca := newAuthority(t, "ca")
	s := serve(t, newStore(t, certs.Options{Pairs: []certs.Pair{
		ca.pair(t, order{names: []string{"default.test"}, cn: "cn.test"}),
		ca.pair(t, order{names: []string{"*.a.test"}}),
		ca.pair(t, order{names: []string{"exact.a.test", "OTHER.test"}}),
	}}).Config())
	for _, c := range []struct{ name, want string }{
		{"exact.a.test", "exact.a.test"},
		{"EXACT.a.Test", "exact.a.test"},
		{"other.test", "exact.a.test"},
		{"any.a.test", "*.a.test"},
		{"two.labels.a.test", "default.test"}, // a wildcard is one label
		{"a.test", "default.test"},
		{"cn.test", "default.test"},
		{"unknown.test", "default.test"},
		{"127.0.0.1", "default.test"}, // clients send no name for an address
		{"", "default.test"},
	} {
		if got := s.leaf(t, c.name).DNSNames[0]; got != c.want {
			t.Errorf("for %q: certificate of %s, want %s", c.name, got, c.want)
		}
	}
}

func TestCommonNameIsIgnored(t *testing.T) {
	ca := newAuthority(t, "ca")
	s := serve(t, newStore(t, certs.Options{Pairs: []certs.Pair{
		ca.pair(t, order{cn: "cn.test", key: rsaKey(t)}), ca.pair(t, order{names: []string{"san.test"}, cn: "x.test"}),
	}}).Config())
	if got := s.leaf(t, "x.test").Subject.CommonName; got != "cn.test" {
		t.Errorf("x.test got the certificate of %s, want the default", got)
	}
}

// TestRejectUnknown also resumes, since TLS 1.3 asks for no certificate then.
func TestRejectUnknown(t *testing.T) {
	ca := newAuthority(t, "ca")
	s := serve(t, newStore(t, certs.Options{RejectUnknown: true, Tickets: true,
		Pairs: []certs.Pair{ca.pair(t, order{names: []string{"a.test", "*.b.test"}})}}).Config())
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cache := oneSession()
		for range 2 {
			for _, name := range []string{"a.test", "x.b.test"} {
				_, err := s.dial(t, &tls.Config{ServerName: name, RootCAs: ca.pool, MaxVersion: version, ClientSessionCache: cache})
				ok(t, err)
			}
		}
		for _, name := range []string{"b.test", "c.test", ""} {
			_, err := s.dial(t, &tls.Config{ServerName: name, InsecureSkipVerify: true, MaxVersion: version, ClientSessionCache: cache})
			if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
				t.Errorf("%s for %q: %v, want the alert unrecognized_name", tls.VersionName(version), name, err)
			}
		}
	}
}

// TestKeyKinds: ECDSA for clients that know it, RSA for the others, under an own name and as the default.
func TestKeyKinds(t *testing.T) {
	ca := newAuthority(t, "ca")
	names := []string{"both.test"}
	s := serve(t, newStore(t, certs.Options{Pairs: []certs.Pair{
		ca.pair(t, order{names: names, key: rsaKey(t)}), ca.pair(t, order{names: names}),
	}}).Config())
	rsaOnly := []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	for _, name := range []string{"both.test", "unknown.test", ""} {
		for _, c := range []struct {
			suites []uint16
			max    uint16
			want   x509.PublicKeyAlgorithm
		}{
			{nil, tls.VersionTLS13, x509.ECDSA},
			{nil, tls.VersionTLS12, x509.ECDSA},
			{rsaOnly, tls.VersionTLS12, x509.RSA},
		} {
			conn, err := s.dial(t, &tls.Config{ServerName: name, InsecureSkipVerify: true, CipherSuites: c.suites, MaxVersion: c.max})
			ok(t, err)
			if got := conn.ConnectionState().PeerCertificates[0].PublicKeyAlgorithm; got != c.want {
				t.Errorf("for %q with suites %x: %v, want %v", name, c.suites, got, c.want)
			}
		}
	}
}

func TestKnobs(t *testing.T) {
	ca := newAuthority(t, "ca")
	s := serve(t, newStore(t, certs.Options{
		Pairs:      []certs.Pair{ca.pair(t, order{names: []string{"a.test"}})},
		MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS13,
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384},
		Curves:       []tls.CurveID{tls.CurveP384, tls.X25519},
		ALPN:         []string{"h2", "http/1.1"},
	}).Config())
	for _, c := range []struct {
		name    string
		client  *tls.Config
		refused bool
		check   func(tls.ConnectionState) bool
	}{
		{name: "curve", client: &tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP384}},
			check: func(s tls.ConnectionState) bool { return s.CurveID == tls.CurveP384 }},
		{name: "foreign curve", client: &tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP521}}, refused: true},
		{name: "suite", client: &tls.Config{MaxVersion: tls.VersionTLS12},
			check: func(s tls.ConnectionState) bool {
				return s.CipherSuite == tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
			}},
		{name: "foreign suite", client: &tls.Config{MaxVersion: tls.VersionTLS12,
			CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}, refused: true},
		{name: "old version", client: &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, refused: true},
		{name: "protocol", client: &tls.Config{NextProtos: []string{"http/1.1", "h2"}},
			check: func(s tls.ConnectionState) bool { return s.NegotiatedProtocol == "h2" }},
		{name: "foreign protocol", client: &tls.Config{NextProtos: []string{"smtp"}}, refused: true},
		{name: "challenge without ACME", client: &tls.Config{NextProtos: []string{"acme-tls/1"}}, refused: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := c.client.Clone()
			client.ServerName, client.RootCAs = "a.test", ca.pool
			conn, err := s.dial(t, client)
			switch {
			case c.refused != (err != nil):
				t.Errorf("dial: %v, want refused: %v", err, c.refused)
			case err == nil && !c.check(conn.ConnectionState()):
				t.Errorf("wrong state %+v", conn.ConnectionState())
			}
		})
	}
}

// TestChoiceAllocatesNothing covers what a handshake asks of a Store with one certificate a name.
func TestChoiceAllocatesNothing(t *testing.T) {
	ca := newAuthority(t, "ca")
	config := newStore(t, certs.Options{RejectUnknown: true, Sites: []certs.Site{{Names: []string{"*.b.test"}}},
		Pairs: []certs.Pair{ca.pair(t, order{names: []string{"a.test", "*.b.test"}})}}).Config()
	hello := &tls.ClientHelloInfo{ServerName: "x.b.test", SupportedProtos: []string{"h2", "http/1.1"}}
	if n := testing.AllocsPerRun(100, func() {
		site, _ := config.GetConfigForClient(hello)
		if c, _ := site.GetCertificate(hello); c == nil {
			t.Error("no certificate")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
