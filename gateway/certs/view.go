package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
)

// view is what handshakes are answered from: immutable, replaced as a whole.
type view struct {
	certs    index[[]*tls.Certificate] // in the order they are offered
	fallback []*tls.Certificate        // for names that no certificate has
	sites    index[*site]
	base     *site       // of names that are in no site
	reject   *tls.Config // for unknown names where those are refused
}

// site is the rules for a connection made under one of its names.
type site struct {
	id     string // that of its rules
	auth   Auth
	config *tls.Config
}

func (v *view) site(name string) *site {
	if s, ok := v.sites.covering(name); ok {
		return s
	}
	return v.base
}

// build makes a view of the sources as they are. The caller holds the lock.
func (s *Store) build() *view {
	v := &view{certs: newIndex[[]*tls.Certificate](), sites: newIndex[*site]()}
	for _, p := range s.pairs {
		for _, name := range p.Value().Leaf.DNSNames {
			m, key := v.certs.slot(name)
			m[key] = append(m[key], p.Value())
		}
	}
	if len(s.pairs) > 0 {
		v.fallback = s.standIns()
	}
	for _, m := range []map[string][]*tls.Certificate{v.certs.exact, v.certs.wild, {"": v.fallback}} {
		for _, list := range m {
			slices.SortStableFunc(list, func(a, b *tls.Certificate) int { return cost(a) - cost(b) })
		}
	}
	s.buildSites(v)
	return v
}

// standIns are the default certificate and those that can take its place with a client that does not know its kind.
func (s *Store) standIns() []*tls.Certificate {
	first := s.pairs[0].Value()
	list := []*tls.Certificate{first}
	for _, p := range s.pairs[1:] {
		lacks := func(name string) bool { return !slices.Contains(p.Value().Leaf.DNSNames, name) }
		if names := first.Leaf.DNSNames; len(names) > 0 && !slices.ContainsFunc(names, lacks) {
			list = append(list, p.Value())
		}
	}
	return list
}

// cost orders the certificates of one name: an RSA signature takes many times the work of the others.
func cost(c *tls.Certificate) int {
	if c.Leaf.PublicKeyAlgorithm == x509.RSA {
		return 1
	}
	return 0
}

func (s *Store) buildSites(v *view) {
	o := &s.options
	all := o.sites()
	ids := make([]string, len(all))
	for i := range all {
		ids[i] = s.identity(&all[i])
	}
	if o.Tickets {
		s.rings = s.rings.renew(ids, s.ticketKeys())
	}
	for i := range all {
		built := &site{id: ids[i], auth: all[i].ClientAuth, config: s.siteConfig(&all[i], ids[i])}
		if i == 0 {
			v.base = built
		}
		for _, name := range all[i].Names {
			m, key := v.sites.slot(name)
			m[key] = built
		}
	}
	// A resumed TLS 1.3 session asks for no certificate, so the alert must not depend on one being missing alone.
	v.reject = s.siteConfig(&Site{}, "")
	v.reject.SessionTicketsDisabled, v.reject.WrapSession, v.reject.UnwrapSession = true, nil, nil
}

// identity tells a site's rules from all others, across reloads and processes.
func (s *Store) identity(site *Site) string {
	names := make([]string, len(site.Names))
	for i, name := range site.Names {
		names[i] = canonical(name)
	}
	slices.Sort(names)
	if site.ClientAuth == Off {
		return fmt.Sprintf("%q", names)
	}
	return fmt.Sprintf("%q %d %x", names, site.ClientAuth, s.authorities[site.caFile(&s.options)].Value().sum)
}

func (s *Store) siteConfig(site *Site, id string) *tls.Config {
	o := &s.options
	c := &tls.Config{
		GetCertificate: s.certificate,
		MinVersion:     o.MinVersion, MaxVersion: o.MaxVersion,
		CipherSuites: o.CipherSuites, CurvePreferences: o.Curves,
		NextProtos:             o.ALPN,
		ClientAuth:             authTypes[site.ClientAuth],
		SessionTicketsDisabled: !o.Tickets,
	}
	if site.ClientAuth != Off {
		c.ClientCAs = s.authorities[site.caFile(o)].Value().pool
	}
	if ring := s.rings[id]; ring != nil {
		c.WrapSession, c.UnwrapSession = ring.EncryptTicket, ring.DecryptTicket
	}
	return c
}
