package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"weir/codec/http1"
	"weir/gateway/certs"
	"weir/gateway/config"
	"weir/internal/watch"
	"weir/upstream"
	"weir/upstream/health"
)

// fleet is a set of backends and how they are reached. Routes that say the same about both share one, so that
// nothing is checked, looked up or connected to twice.
type fleet struct {
	// Immutable.
	part
	terms  fleetTerms
	name   string // of the first route that used it
	group  *upstream.Group
	dialer *upstream.Dialer
	tls    *tls.Config
}

// fleetTerms are all that a fleet is made of, so that equal ones can share it.
type fleetTerms struct {
	specs           string // of the backends, in their order
	balance         float64
	panics          bool
	dnsInterval     time.Duration
	emptyHold       time.Duration
	family          upstream.Family
	retries         int
	connect, answer time.Duration
	health          health.Options
	pool            upstream.PoolOptions
	head            http1.Limits
	tls             tlsTerms
}

type tlsTerms struct {
	ca, cert, key, serverName string
	skipVerify                bool
}

func (b *builder) fleetTerms(cfg *config.Config, specs []upstream.Spec, checks health.Options) fleetTerms {
	texts := make([]string, len(specs))
	for i, s := range specs {
		texts[i] = s.String()
	}
	return fleetTerms{
		specs: strings.Join(texts, "\n"), balance: cfg.BalanceFactor, panics: cfg.Panic, dnsInterval: cfg.DNSInterval, emptyHold: cfg.EmptyHold, family: upstream.Family(cfg.DNSFamily),
		retries: cfg.ConnectRetries, connect: cfg.ConnectTimeout, answer: cfg.BackendTimeout,
		health: checks,
		pool: upstream.PoolOptions{Min: cfg.PoolMin, MaxStreams: cfg.PoolMaxStreams, Window: int(b.gw.cfg.ReadBuffer), Idle: cfg.PoolIdle,
			PingInterval: cfg.PoolPingInterval, PingTimeout: cfg.PoolPingTimeout, Spread: cfg.PoolSpread},
		head: b.headLimits,
		tls:  tlsTermsOf(cfg),
	}
}

// fleetOf gives the fleet of these backends: that of a route before this one, or of the plan before, or a new one.
// With plain it is for plain requests alone.
func (b *builder) fleetOf(name string, cfg *config.Config, specs []upstream.Spec, plain bool) (*fleet, error) {
	checks, err := cfg.HealthChecks(plain)
	if err != nil {
		return nil, err
	}
	terms := b.fleetTerms(cfg, specs, checks)
	for _, f := range slices.Concat(b.fleets, b.before.fleets) {
		if f.terms == terms {
			b.addFleet(f)
			return f, nil
		}
	}
	f := &fleet{name: name, terms: terms}
	if err := f.open(b.gw, specs, b.before); err != nil {
		return nil, err
	}
	b.addFleet(f)
	return f, nil
}

func (b *builder) addFleet(f *fleet) {
	b.has(&f.part)
	if !slices.Contains(b.fleets, f) {
		b.fleets = append(b.fleets, f)
	}
}

// open makes the group and how it is reached, of nothing but the terms.
func (f *fleet) open(g *Gateway, specs []upstream.Spec, past *plan) (err error) {
	t := &f.terms
	if f.tls, err = t.tls.open(); err != nil {
		if f.tls = past.tlsOf(t.tls); f.tls == nil {
			return err
		}
		g.tlsReloaded("backend TLS of "+f.name, err)
	}
	if f.group, err = f.newGroup(specs, g.log); err != nil {
		return err
	}
	f.dialer = &upstream.Dialer{Group: f.group, Retries: t.retries, ConnectTimeout: t.connect, AnswerTimeout: t.answer, Limits: t.head,
		OnConnect: g.metrics.connected, Handshakes: g.toBackends, Pool: t.pool}
	f.begin, f.end, f.parting = f.group.Start, f.group.Close, &g.parting
	return nil
}

// tlsOf is how a plan speaks to backends on these terms; nil if it has none on them.
func (p *plan) tlsOf(t tlsTerms) *tls.Config {
	for _, f := range p.fleets {
		if f.terms.tls == t {
			return f.tls
		}
	}
	return nil
}

// backendHandshakes is how many TLS handshakes with backends run at once. They are few, but for tunnels to wss://.
const backendHandshakes = 256

// maxAuthorities bounds the file of authorities, in bytes; a system's has some 200 KiB.
const maxAuthorities = 16 << 20

func tlsTermsOf(cfg *config.Config) tlsTerms {
	return tlsTerms{cfg.UpstreamCA, cfg.UpstreamCert, cfg.UpstreamKey, cfg.UpstreamServerName, cfg.UpstreamSkipVerify}
}

// open reads how backends are spoken to in TLS: what they have to prove, and what we do.
func (t tlsTerms) open() (*tls.Config, error) {
	c := &tls.Config{ServerName: t.serverName, InsecureSkipVerify: t.skipVerify, DynamicRecordSizingDisabled: true}
	if t.ca != "" {
		pem, err := watch.Read(t.ca, maxAuthorities)
		if err != nil {
			return nil, fmt.Errorf("upstream-ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("upstream-ca: %s holds no certificate in PEM form", t.ca)
		}
	}
	if t.cert != "" {
		pair, err := certs.ReadPair(certs.Pair{Cert: t.cert, Key: t.key})
		if err != nil {
			return nil, fmt.Errorf("upstream-cert: %s: %w", t.cert, err)
		}
		c.Certificates = []tls.Certificate{*pair}
	}
	return c, nil
}

// resolve looks up the names of all new fleets at once, so that one that hangs keeps no other waiting.
func (b *builder) resolve() {
	var lookups sync.WaitGroup
	for _, f := range b.fleets {
		if !slices.Contains(b.before.fleets, f) {
			lookups.Go(f.group.Resolve)
		}
	}
	lookups.Wait()
}

// servable tells whether the fleet has an endpoint that may be chosen.
func (f *fleet) servable() bool {
	return f.group.HealthyCount() > 0 || f.terms.panics && len(f.group.Endpoints()) > 0
}
