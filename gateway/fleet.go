package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"

	"weir/gateway/certs"
	"weir/gateway/config"
	"weir/internal/watch"
	"weir/upstream"
)

// fleet is a set of backends and how they are reached. Routes that say the same about both share one, so that
// nothing is checked, looked up or connected to twice.
type fleet struct {
	// Immutable.
	index  int
	name   string // of the first route that uses it
	group  *upstream.Group
	dialer *upstream.Dialer
	tls    *tls.Config
	panics bool
}

// fleetKey is all that makes one fleet differ from another.
func fleetKey(cfg *config.Config, specs []upstream.Spec) string {
	return fmt.Sprintf("%v %q", []any{specs, cfg.BalanceFactor, cfg.Panic, cfg.ConnectRetries, cfg.ConnectTimeout, cfg.BackendTimeout,
		cfg.HealthInterval, cfg.HealthTimeout, cfg.HealthRise, cfg.HealthFall,
		cfg.PoolMin, cfg.PoolMaxStreams, cfg.PoolIdle, cfg.PoolPingInterval, cfg.PoolPingTimeout, cfg.PoolSpread,
		cfg.UpstreamSkipVerify}, []string{cfg.HealthPath, cfg.UpstreamCA, cfg.UpstreamCert, cfg.UpstreamKey, cfg.UpstreamServerName})
}

// fleetOf gives the fleet of these backends, a new one if no route before asked for the same.
func (g *Gateway) fleetOf(name string, cfg *config.Config, specs []upstream.Spec) (*fleet, error) {
	key := fleetKey(cfg, specs)
	if i := slices.Index(g.fleetKeys, key); i >= 0 {
		return g.fleets[i], nil
	}
	secure, err := backendTLS(cfg)
	if err != nil {
		return nil, err
	}
	group, err := newGroup(name, cfg, specs, secure, g.log)
	if err != nil {
		return nil, err
	}
	f := &fleet{index: len(g.fleets), name: name, group: group, tls: secure, panics: cfg.Panic}
	f.dialer = &upstream.Dialer{Group: group, Retries: cfg.ConnectRetries, ConnectTimeout: cfg.ConnectTimeout,
		AnswerTimeout: cfg.BackendTimeout, Limits: g.headLimits, OnConnect: g.metrics.connected, Handshakes: g.toBackends,
		Pool: upstream.PoolOptions{Min: cfg.PoolMin, MaxStreams: cfg.PoolMaxStreams, Window: int(cfg.ReadBuffer), Idle: cfg.PoolIdle,
			PingInterval: cfg.PoolPingInterval, PingTimeout: cfg.PoolPingTimeout, Spread: cfg.PoolSpread}}
	g.fleets, g.fleetKeys = append(g.fleets, f), append(g.fleetKeys, key)
	return f, nil
}

// backendHandshakes is how many TLS handshakes with backends run at once. They are few, but for tunnels to wss://.
const backendHandshakes = 256

// maxAuthorities bounds the file of authorities, in bytes; a system's has some 200 KiB.
const maxAuthorities = 16 << 20

// backendTLS is how backends are spoken to in TLS: what they have to prove, and what we do.
func backendTLS(cfg *config.Config) (*tls.Config, error) {
	c := &tls.Config{ServerName: cfg.UpstreamServerName, InsecureSkipVerify: cfg.UpstreamSkipVerify, DynamicRecordSizingDisabled: true}
	if file := cfg.UpstreamCA; file != "" {
		pem, err := watch.Read(file, maxAuthorities)
		if err != nil {
			return nil, fmt.Errorf("upstream-ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("upstream-ca: %s holds no certificate in PEM form", file)
		}
	}
	if cfg.UpstreamCert != "" {
		pair, err := certs.ReadPair(certs.Pair{Cert: cfg.UpstreamCert, Key: cfg.UpstreamKey})
		if err != nil {
			return nil, fmt.Errorf("upstream-cert: %s: %w", cfg.UpstreamCert, err)
		}
		c.Certificates = []tls.Certificate{*pair}
	}
	return c, nil
}
