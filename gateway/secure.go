package gateway

import (
	"crypto/tls"
	"errors"
	"fmt"
	"sync/atomic"

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
	b.tlsTerms = fmt.Sprintf("%s%q %q", cfg.Text("TLS"), cfg.SiteTexts(), protocols(cfg))
	if old := b.before; old.certs != nil && old.tlsTerms == b.tlsTerms {
		b.certs, b.tls, b.certsPart = old.certs, old.tls, old.certsPart
		b.has(b.certsPart)
		return nil
	}
	o, err := certOptions(cfg, b.gw.tlsReloaded)
	if err != nil {
		return err
	}
	o.Secrets, o.Past = b.gw.ticketSecrets, b.before.file
	if o.ACME != nil {
		o.ACME.OnOutcome = b.gw.obtained
	}
	if b.certs, err = certs.New(o); err != nil {
		return err
	}
	b.tls = &netpoll.TLS{Config: b.certs.Config(), Handshakes: b.gw.fromClients}
	b.certsPart = &part{begin: b.certs.Start, end: b.certs.Close, parting: &b.gw.parting}
	b.has(b.certsPart)
	return nil
}

// certOptions are what cfg says of TLS with clients.
func certOptions(cfg *config.Config, told func(what string, err error)) (certs.Options, error) {
	o := certs.Options{
		RejectUnknown: cfg.TLSUnknownName == config.UnknownReject,
		MinVersion:    uint16(cfg.TLSMinVersion), MaxVersion: uint16(cfg.TLSMaxVersion), ALPN: protocols(cfg),
		ClientAuth: clientAuth(cfg.TLSClientAuth), ClientCA: cfg.TLSClientCA,
		Tickets: cfg.TLSTickets, TicketKeys: cfg.TLSTicketKeys, ReloadInterval: cfg.TLSReloadInterval, OnReload: told,
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

// tlsReloaded hears of each file about TLS that was taken anew, and of each that could not be.
func (g *Gateway) tlsReloaded(what string, err error) {
	g.reloaded(what, err, &g.metrics.tlsReloads, &g.metrics.tlsReloadFailures)
}

// accessReloaded hears the same of files about who may connect.
func (g *Gateway) accessReloaded(what string, err error) {
	g.reloaded(what, err, &g.metrics.accessReloads, &g.metrics.accessReloadFailures)
}

// obtained hears of each certificate that came by ACME, and of each attempt that failed.
func (g *Gateway) obtained(what string, err error) {
	if errors.Is(err, certs.ErrNone) {
		g.metrics.acmeFailures.Add(1)
		g.log.Error("not obtained, TLS for its name fails until it is", "what", what, "error", err)
		return
	}
	g.reloaded(what, err, &g.metrics.acmeObtained, &g.metrics.acmeFailures)
}

func (g *Gateway) reloaded(what string, err error, taken, failed *atomic.Uint64) {
	switch {
	case errors.Is(err, certs.ErrExpired):
		g.log.Warn("taken, though its time is over or has not come", "what", what, "error", err)
	case err != nil:
		failed.Add(1)
		g.log.Error("not taken, what was there before stays in use", "what", what, "error", err)
	default:
		taken.Add(1)
		g.log.Info("taken anew", "what", what)
	}
}

// secured counts a TLS handshake that went well.
func (c *counters) handshook(state *tls.ConnectionState) {
	c.secured[tlsKey{state.Version, state.DidResume}]++
}
