package gateway

import (
	"errors"

	"weir/gateway/certs"
	"weir/gateway/config"
	"weir/netpoll"
)

// buildTLS reads the certificates, if clients are to be served over TLS, or takes the store of the plan before.
func (b *builder) buildTLS() error {
	cfg := b.cfg
	if len(cfg.TLSListen) == 0 {
		return nil
	}
	o, err := certOptions(cfg)
	if err != nil {
		return err
	}
	b.certTerms = textOf(o)
	if old := b.before; old.certs != nil && old.certTerms == b.certTerms {
		b.certs, b.tls, b.certsPart = old.certs, old.tls, old.certsPart
		b.has(b.certsPart)
		return nil
	}
	o.OnReload, o.Secrets, o.Past = b.env.tlsReloaded, b.env.ticketSecrets, b.before.file
	if o.ACME != nil {
		o.ACME.OnOutcome = b.env.obtained
	}
	if b.certs, err = certs.New(o); err != nil {
		return cfg.Blame(err)
	}
	b.tls = &netpoll.TLS{Config: b.certs.Config(), Handshakes: b.env.fromClients}
	b.certsPart = &part{begin: b.certs.Start, end: b.certs.Close, parting: &b.env.parting}
	b.has(b.certsPart)
	return nil
}

// certOptions are what cfg says of TLS with clients.
func certOptions(cfg *config.Config) (certs.Options, error) {
	o := certs.Options{
		RejectUnknown: cfg.TLSUnknownName == config.UnknownReject,
		MinVersion:    uint16(cfg.TLSMinVersion), MaxVersion: uint16(cfg.TLSMaxVersion), ALPN: protocols(cfg),
		ClientAuth: clientAuth(cfg.TLSClientAuth), ClientCA: cfg.TLSClientCA,
		Tickets: cfg.TLSTickets, TicketKeys: cfg.TLSTicketKeys, ReloadInterval: cfg.TLSReloadInterval,
	}
	var err, err2 error
	o.CipherSuites, err = cfg.CipherSuites()
	o.Curves, err2 = cfg.Curves()
	for i := range cfg.TLSCert {
		o.Pairs = append(o.Pairs, certs.Pair{Cert: cfg.TLSCert[i], Key: cfg.TLSKey[i]})
	}
	for _, site := range cfg.Sites {
		o.Sites = append(o.Sites, certs.Site{Names: site.Names, ClientAuth: clientAuth(site.ClientAuth), ClientCA: site.ClientCA})
	}
	if len(cfg.ACMEDomain) > 0 {
		o.ACME = &certs.ACME{Domains: cfg.ACMEDomain, Directory: cfg.ACMEDirectory, Email: cfg.ACMEEmail, Storage: cfg.ACMEStorage, CA: cfg.ACMECA, Listen: cfg.TLSListen[0]}
	}
	return o, errors.Join(err, err2)
}

// protocols are what ALPN offers. Without a route for plain HTTP there is no use for HTTP/2, which has no WebSocket here.
func protocols(cfg *config.Config) []string {
	for _, r := range cfg.Routes {
		if r.Config.HTTP {
			return cfg.TLSALPN
		}
	}
	return []string{"http/1.1"}
}

func clientAuth(a config.ClientAuth) certs.Auth {
	switch a {
	case config.ClientAuthAsk:
		return certs.Ask
	case config.ClientAuthRequire:
		return certs.Require
	}
	return certs.Off
}
