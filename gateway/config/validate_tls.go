package config

import (
	"net/url"
	"slices"
	"strings"
)

func (v *verdict) tls(c *Config) {
	switch {
	case len(c.TLSCert) != len(c.TLSKey):
		v.wrong("tls-cert", "%d certificates have %d keys; give one tls-key for each tls-cert", len(c.TLSCert), len(c.TLSKey))
	case len(c.TLSListen) > 0 && len(c.TLSCert)+len(c.ACMEDomain) == 0:
		v.wrong("tls-listen", "there is no certificate; give tls-cert and tls-key, or acme-domain")
	case len(c.TLSListen) == 0 && len(c.TLSCert) > 0:
		v.wrong("tls-cert", "nothing listens with TLS; write tls-listen, such as :443")
	}
	if c.TLSMinVersion > c.TLSMaxVersion {
		v.wrong("tls-min-version", "%s is above tls-max-version (%s)", c.TLSMinVersion, c.TLSMaxVersion)
	}
	_, err := c.CipherSuites()
	v.reject("tls-ciphers", err)
	if len(c.TLSCiphers) > 0 && c.TLSMinVersion.String() == "1.3" {
		v.wrong("tls-ciphers", "are for TLS 1.2, which tls-min-version leaves out")
	}
	_, err = c.Curves()
	v.reject("tls-curves", err)
	v.alpn(c)
	if c.TLSClientAuth != ClientAuthOff && c.TLSClientCA == "" {
		v.wrong("tls-client-auth", "certificates cannot be checked; name the authorities in tls-client-ca")
	}
	v.fieldName("tls-client-header", c.TLSClientHeader)
	if c.TLSTicketKeys != "" && !c.TLSTickets {
		v.wrong("tls-ticket-keys", "are of no use without tls-tickets")
	}
}

func (v *verdict) alpn(c *Config) {
	for _, protocol := range c.TLSALPN {
		if protocol != "h2" && protocol != "http/1.1" {
			v.wrong("tls-alpn", "%q is not h2 or http/1.1", protocol)
		}
	}
	if len(c.TLSALPN) > 0 && !slices.Contains(c.TLSALPN, "http/1.1") {
		v.wrong("tls-alpn", "http/1.1 is missing, which WebSockets need")
	}
}

func (v *verdict) acme(c *Config) {
	if len(c.ACMEDomain) == 0 {
		return
	}
	if len(c.TLSListen) == 0 {
		v.wrong("acme-domain", "nothing listens with TLS; write tls-listen, such as :443")
	}
	if len(c.TLSListen) > 0 && strings.HasPrefix(c.TLSListen[0], "unix:") {
		v.wrong("tls-listen", "the ACME authority connects to the first address, by TCP; write one such as :443 in front of %s", c.TLSListen[0])
	}
	if c.ACMEStorage == "" {
		v.wrong("acme-domain", "certificates have to be kept; name a directory in acme-storage")
	}
	for _, name := range c.ACMEDomain {
		if !isServerName(name) {
			v.wrong("acme-domain", "%q is not a host name; wildcards and addresses cannot be had this way", name)
		}
	}
	if u, err := url.Parse(c.ACMEDirectory); err != nil || u.Scheme != "https" || u.Host == "" {
		v.wrong("acme-directory", "%q is not a URL such as https://HOST/PATH", c.ACMEDirectory)
	}
	if e := c.ACMEEmail; e != "" && (!printable(e) || strings.Count(e, "@") != 1) {
		v.wrong("acme-email", "%q is not an address such as admin@example.com", e)
	}
}

func (v *verdict) sites(c *Config) {
	taken := map[string]bool{}
	for i := range c.Sites {
		s := &c.Sites[i]
		one := verdict{places: s.places, where: s.at(i) + ": "}
		one.site(s, c, taken)
		v.problems = append(v.problems, one.problems...)
	}
}

func (v *verdict) site(s *Site, c *Config, taken map[string]bool) {
	if len(c.TLSListen) == 0 {
		v.wrong("server-name", "nothing listens with TLS; write tls-listen, such as :443")
	}
	if len(s.Names) == 0 {
		v.wrong("server-name", "no name given; write one such as admin.example.com or *.example.com")
	}
	for _, name := range s.Names {
		lower := strings.ToLower(name)
		switch {
		case !isServerName(strings.TrimPrefix(lower, "*.")):
			v.wrong("server-name", "%q is not a host name or one with *. before it", name)
		case taken[lower]:
			v.wrong("server-name", "%s is given twice; a name belongs to one site", name)
		}
		taken[lower] = true
	}
	switch {
	case s.ClientAuth == "":
		v.wrong("client-auth", "is missing; write off, ask or require")
	case s.ClientAuth != ClientAuthOff && s.ClientCA == "" && c.TLSClientCA == "":
		v.wrong("client-auth", "certificates cannot be checked; name the authorities in client-ca or tls-client-ca")
	}
}
