package gateway

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"weir/codec/http1"
	"weir/gateway/auth"
	"weir/gateway/clientaddr"
	"weir/gateway/config"
	"weir/gateway/origin"
	"weir/gateway/rate"
)

// gate decides who may use a route. Immutable but for what its parts read again.
type gate struct {
	networks *clientaddr.Networks // nil: every address
	origins  *origin.Policy
	ambient  bool         // origins count only for handshakes with what a browser sends along for any page
	auth     *auth.Policy // nil: everybody
	claimed  []string     // headers in which only auth has a say
}

// sameOrigin is what handshakes have to be where no policy is given but credentials come along that a browser sends
// for whatever page asks for it: cookies, a password, a certificate.
var sameOrigin = []string{"same-origin"}

func (g *Gateway) newGate(cfg *config.Config) (d gate, err error) {
	if from := cfg.Networks(); from != nil {
		if d.networks, err = clientaddr.Open(*from); err != nil {
			return d, err
		}
	}
	patterns := cfg.Origin
	if len(patterns) == 0 {
		patterns, d.ambient = sameOrigin, !cfg.OriginRequired
	}
	if d.origins, err = origin.New(patterns, cfg.OriginRequired); err != nil {
		return d, err
	}
	o, err := cfg.Auth()
	if o == nil || err != nil {
		return d, err
	}
	o.OnFetch = g.fetched
	if d.auth, err = auth.New(*o); err != nil {
		return d, err
	}
	d.claimed = d.auth.Headers()
	return d, nil
}

// fetched hears of each fetch of a key set.
func (g *Gateway) fetched(err error) {
	if err != nil {
		g.metrics.fetchFailures.Inc()
		g.log.Warn("key set not fetched, the last one stays in use", "error", err)
	}
}

// admits tells whether an address may use the route.
func (d *gate) admits(ip netip.Addr) bool {
	return d.networks == nil || d.networks.Allows(ip)
}

// allows tells whether the page that a handshake comes from may open WebSockets.
func (d *gate) allows(q *question, r *http1.Request) bool {
	if d.ambient && r.Get("Cookie") == nil && r.Get("Authorization") == nil && (q.state == nil || len(q.state.PeerCertificates) == 0) {
		return true
	}
	value, count := r.Only("origin")
	return d.origins.Allows(value, count, q.originHost(), q.from.TLS)
}

// originHost is what the browser asked for, as far as it is known.
func (q *question) originHost() []byte {
	if q.from.Host != nil {
		return q.from.Host
	}
	return q.host
}

// reload reads the gate's files again.
func (d *gate) reload() error {
	var addresses, credentials error
	if d.networks != nil {
		addresses = d.networks.Reload()
	}
	if d.auth != nil {
		credentials = d.auth.Reload()
	}
	return errors.Join(addresses, credentials)
}

// needsUpkeep tells whether there is anything to read again or to sweep. Without, an idle gateway does not wake.
func (g *Gateway) needsUpkeep() bool {
	return g.newcomers != nil || slices.ContainsFunc(g.routes, func(r *route) bool {
		return r.meter != nil || r.gate.networks != nil || r.gate.auth != nil
	})
}

// upkeep reads the files of all gates again and again, and has tables of rates shrink, until the gateway stops.
func (g *Gateway) upkeep() {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	said := make([]string, len(g.routes))
	last := time.Now()
	for {
		select {
		case <-g.running.Done():
			return
		case <-second.C:
		}
		g.sweep()
		if g.cfg.ReloadInterval > 0 && time.Since(last) >= g.cfg.ReloadInterval {
			last = time.Now()
			g.lookAtGates(said)
		}
	}
}

// lookAtGates tells of what cannot be read, once for as long as it is the same.
func (g *Gateway) lookAtGates(said []string) {
	for i, r := range g.routes {
		text := ""
		if err := r.gate.reload(); err != nil {
			text = err.Error()
		}
		if text != said[i] && text != "" {
			g.reloaded("route "+r.name, errors.New(text))
		}
		said[i] = text
	}
}

// sweep has a part of each table forget whom it need not remember.
func (g *Gateway) sweep() {
	now := time.Since(began)
	if g.newcomers != nil {
		g.newcomers.Sweep(now)
	}
	for _, r := range g.routes {
		if m := r.meter; m != nil {
			for _, t := range []*rate.Table{m.perUser, m.perIP, m.all, m.userBytes, m.ipBytes, m.allBytes} {
				if t != nil {
					t.Sweep(now)
				}
			}
		}
	}
}
