package certs

import "crypto/tls"

// configFor is the outer config's GetConfigForClient: the rules of the site that the client names.
func (s *Store) configFor(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	if s.acme.challenged(hello) {
		return s.acme.config, nil
	}
	v, name := s.view.Load(), canonical(hello.ServerName)
	if s.options.RejectUnknown {
		if _, known := v.certs.certified(name); !known && !s.acme.serves(name) {
			return v.reject, nil
		}
	}
	return v.site(name).config, nil
}

// certificate chooses by name: files first, then ACME, then the default. None of them makes crypto/tls send the
// alert unrecognized_name (RFC 6066, section 3), which it does for nothing but (nil, nil).
func (s *Store) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	v, name := s.view.Load(), canonical(hello.ServerName)
	if list, ok := v.certs.certified(name); ok {
		return pick(hello, list), nil
	}
	if s.acme.serves(name) {
		if c := s.acme.certificate(hello); c != nil {
			return c, nil
		}
	}
	switch {
	case s.options.RejectUnknown:
		return nil, nil
	case len(v.fallback) > 0:
		return pick(hello, v.fallback), nil
	}
	return s.acme.certificate(hello), nil
}

// pick takes the first that the client can verify. If there is none, the handshake fails over the first, with an
// error that says so.
func pick(hello *tls.ClientHelloInfo, list []*tls.Certificate) *tls.Certificate {
	if len(list) == 1 {
		return list[0]
	}
	nameless := *hello // the name has been looked at; the default serves any
	nameless.ServerName = ""
	for _, c := range list {
		if nameless.SupportsCertificate(c) == nil {
			return c
		}
	}
	return list[0]
}

// Vouches says whether a client certificate shown on this connection was verified by the rules of this Host's own site.
func (s *Store) Vouches(host string, state *tls.ConnectionState) bool {
	v := s.view.Load()
	wanted := v.site(hostName(host))
	return wanted.auth != Off && v.site(canonical(state.ServerName)) == wanted
}

// Terms tell apart the rules for client certificates that a connection for this server name is made under, across reloads.
func (s *Store) Terms(serverName string) string { return s.view.Load().site(canonical(serverName)).id }

// Permits says whether a request for this Host may use a connection with this state (nil: plain); otherwise answer
// 421 (RFC 9110, section 15.5.20). A site that asks for client certificates is only reached over a connection made
// for one of its own names, since another's was verified by other rules or not at all. A connection that answered
// an ACME challenge (RFC 8737) carries no requests.
//
// A site that asks for none is permitted over any connection; take no identity from a certificate there. A Host that is
// no name is permitted over none.
func (s *Store) Permits(host string, state *tls.ConnectionState) bool {
	if state != nil && state.NegotiatedProtocol == ACMEProtocol {
		return false
	}
	v, name := s.view.Load(), hostName(host)
	wanted := v.site(name)
	switch {
	case name == "" && host != "": // no name, so that whose rules would count is in doubt
		return false
	case wanted.auth == Off:
		return true
	case state == nil:
		return wanted.auth == Ask
	case wanted.auth == Require && len(state.VerifiedChains) == 0:
		return false
	}
	return v.site(canonical(state.ServerName)) == wanted
}
