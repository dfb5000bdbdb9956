package certs_test

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"weir/gateway/certs"
)

// TestClientAuth is every kind of client at every kind of site, in both versions.
func TestClientAuth(t *testing.T) {
	ca, partner, foreign := newAuthority(t, "ca"), newAuthority(t, "partner"), newAuthority(t, "foreign")
	s := serve(t, newStore(t, certs.Options{
		Pairs: []certs.Pair{ca.pair(t, order{names: []string{"*.test", "*.ask.test", "*.x.ask.test", "*.off.ask.test"}})}, ClientCA: ca.file,
		Sites: []certs.Site{
			{Names: []string{"need.test"}, ClientAuth: certs.Require},
			{Names: []string{"Partner.test"}, ClientAuth: certs.Require, ClientCA: partner.file},
			{Names: []string{"*.ask.test"}, ClientAuth: certs.Ask},
			{Names: []string{"*.off.ask.test"}},
		}}).Config())
	kinds := map[string][]tls.Certificate{
		"none":    nil,
		"good":    {ca.client(t, order{cn: "good"})},
		"expired": {ca.client(t, order{cn: "expired", until: -time.Minute})},
		"early":   {ca.client(t, order{cn: "early", from: 2*time.Hour + 30*time.Minute})},
		"partner": {partner.client(t, order{cn: "partner"})},
		"foreign": {foreign.client(t, order{cn: "foreign"})},
	}
	const missing, invalid = certs.ClientCertificateMissing, certs.ClientCertificateInvalid
	for _, c := range []struct {
		site string
		want map[string]string // by kind: the reason of a refusal; "": taken
	}{
		{"off.test", map[string]string{"none": "", "good": "", "expired": "", "early": "", "partner": "", "foreign": ""}},
		{"x.ask.test", map[string]string{"none": "", "good": "", "expired": invalid, "early": invalid, "partner": invalid, "foreign": invalid}},
		{"y.x.ask.test", map[string]string{"none": "", "good": "", "foreign": invalid}}, // *. is any depth
		{"x.off.ask.test", map[string]string{"none": "", "good": "", "foreign": ""}},    // the longest counts
		{"need.test", map[string]string{"none": missing, "good": "", "expired": invalid, "early": invalid, "partner": invalid, "foreign": invalid}},
		{"partner.test", map[string]string{"none": missing, "good": invalid, "expired": invalid, "early": invalid, "partner": "", "foreign": invalid}},
	} {
		for _, version := range bothVersions {
			for kind, want := range c.want {
				client := &tls.Config{ServerName: c.site, RootCAs: ca.pool, MaxVersion: version,
					GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
						if list := kinds[kind]; list != nil {
							return &list[0], nil // even where the server would not want it
						}
						return new(tls.Certificate), nil
					}}
				_, err := s.dial(t, client)
				out := <-s.outcomes
				if (err == nil) != (want == "") || out.err != nil && certs.Reason(out.err) != want {
					t.Errorf("%s at %s, %s: client %v, server %v; want %q", kind, c.site, tls.VersionName(version), err, out.err, want)
				}
				if verified := len(out.state.VerifiedChains) > 0; out.err == nil && verified != (kind != "none" && c.site != "off.test" && c.site != "x.off.ask.test") {
					t.Errorf("%s at %s: verified %v", kind, c.site, verified)
				}
			}
		}
	}
}

func TestPermits(t *testing.T) {
	ca := newAuthority(t, "ca")
	store := newStore(t, certs.Options{
		Pairs: []certs.Pair{ca.pair(t, order{names: []string{"*.test"}})}, ClientCA: ca.file,
		Sites: []certs.Site{
			{Names: []string{"need.test", "need2.test"}, ClientAuth: certs.Require},
			{Names: []string{"too.test"}, ClientAuth: certs.Require},
			{Names: []string{"*.ask.test"}, ClientAuth: certs.Ask},
		}})
	s := serve(t, store.Config())
	me := []tls.Certificate{ca.client(t, order{cn: "me"})}
	for _, c := range []struct {
		sni, host string
		want      bool
	}{
		{"need.test", "need.test", true},
		{"need.test", "NEED.test.:443", true},
		{"need.test", "need2.test", true}, // the same site
		{"need.test", "too.test", false},
		{"need.test", "x.ask.test", false},
		{"need.test", "open.test", true},
		{"open.test", "open.test", true},
		{"open.test", "other.test:8443", true},
		{"open.test", "need.test", false},
		{"open.test", "Need.Test:443", false},
		{"open.test", "need.test.", false},
		{"open.test", "x.ask.test", false},
		{"x.ask.test", "y.ask.test", true},
		{"x.ask.test", "need.test", false},
		{"", "need.test", false},
		{"", "[::1]:443", true},
		{"", "", true},
		{"open.test", "z.y.x.ask.test", false},
		{"x.ask.test", "z.y.x.ask.test:443", true},
		{"open.test", "a..test", false}, // no host, whose rules are in doubt
		{"open.test", "..", false},
		{"open.test", strings.Repeat("a.", 130) + "test", false},
	} {
		_, err := s.dial(t, &tls.Config{ServerName: c.sni, InsecureSkipVerify: true, Certificates: me})
		ok(t, err)
		out := <-s.outcomes
		if got := store.Permits(c.host, &out.state); got != c.want {
			t.Errorf("made for %q, asked for %q: %v, want %v", c.sni, c.host, got, c.want)
		}
	}
	for host, want := range map[string]bool{"need.test": false, "x.ask.test": true, "open.test": true} {
		if got := store.Permits(host, nil); got != want {
			t.Errorf("plain, asked for %q: %v, want %v", host, got, want)
		}
	}
	for _, state := range []tls.ConnectionState{
		{ServerName: "need.test"}, // no certificate, as if the rules had changed
		{ServerName: "open.test", NegotiatedProtocol: "acme-tls/1"},
	} {
		if store.Permits(state.ServerName, &state) {
			t.Errorf("permits %s over %+v", state.ServerName, state)
		}
	}
}
