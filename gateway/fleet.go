package gateway

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"weir/codec/http1"
	"weir/gateway/config"
	"weir/upstream"
	"weir/upstream/health"
)

// fleet is a set of backends and how they are reached. Routes that say the same about both share one, so that
// nothing is checked, looked up or connected to twice. It is looked after while a plan has it.
type fleet struct {
	// Immutable.
	part
	terms  fleetTerms
	group  *upstream.Group
	dialer *upstream.Dialer

	name atomic.Pointer[string] // of the first route that uses it in the plan in force
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
	tls             *backendTLS
}

// fleetTerms are those of a route; with plain, of the backends of plain requests alone.
func (b *builder) fleetTerms(cfg *config.Config, specs []upstream.Spec, plain bool) (t fleetTerms, err error) {
	texts := make([]string, len(specs))
	for i, s := range specs {
		texts[i] = s.String()
	}
	t = fleetTerms{
		specs: strings.Join(texts, "\n"), balance: cfg.BalanceFactor, panics: cfg.Panic, dnsInterval: cfg.DNSInterval, emptyHold: cfg.EmptyHold, family: upstream.Family(cfg.DNSFamily),
		retries: cfg.ConnectRetries, connect: cfg.ConnectTimeout, answer: cfg.BackendTimeout,
		pool: upstream.PoolOptions{Min: cfg.PoolMin, MaxStreams: cfg.PoolMaxStreams, Window: int(b.env.start.ReadBuffer), Idle: cfg.PoolIdle,
			PingInterval: cfg.PoolPingInterval, PingTimeout: cfg.PoolPingTimeout, Spread: cfg.PoolSpread},
		head: b.headLimits,
	}
	if t.health, err = cfg.HealthChecks(plain); err != nil {
		return t, err
	}
	t.tls, err = b.backendTLS(tlsTermsOf(cfg))
	return t, err
}

// fleets are those of a plan, found by their terms. Immutable once the plan is built.
type fleets struct {
	all     []*fleet
	names   []string // of the first route that uses each
	byTerms map[fleetTerms]*fleet
	before  map[*fleet]*fleet // whose place a new one takes
}

// wantedFleet is what a route asks for.
type wantedFleet struct {
	terms fleetTerms
	specs []upstream.Spec
	name  string
	from  *config.Route
	was   *fleet // of the same route in the plan before; nil: none
}

// buildFleets gives all routes their fleets: those of the plan before where the terms are the same, or new ones.
func (b *builder) buildFleets() error {
	b.fleets = fleets{byTerms: map[fleetTerms]*fleet{}, before: map[*fleet]*fleet{}}
	var fresh []wantedFleet
	var wrong problems
	for i := range b.cfg.Routes {
		from := &b.cfg.Routes[i]
		wanted, err := b.fleetsOf(from)
		if err != nil {
			wrong.add(from.Blame(err))
			continue
		}
		for _, w := range wanted {
			if b.addFleet(w) {
				fresh = append(fresh, w)
			}
		}
	}
	b.inheritFleets(fresh)
	for _, w := range fresh {
		if err := b.open(b.fleets.byTerms[w.terms], w.specs); err != nil {
			wrong.add(w.from.Blame(err))
		}
	}
	if wrong.all == nil {
		b.resolve(fresh)
	}
	return wrong.err()
}

// addFleet adds the fleet that is wanted, unless a route before this one has, and tells whether it is a new one.
func (b *builder) addFleet(w wantedFleet) (fresh bool) {
	fs := &b.fleets
	if fs.byTerms[w.terms] != nil {
		return false
	}
	f := b.before.fleets.byTerms[w.terms]
	if fresh = f == nil; fresh {
		f = &fleet{terms: w.terms}
		f.name.Store(&w.name)
	} else {
		b.has(&f.part)
	}
	fs.all, fs.names, fs.byTerms[w.terms] = append(fs.all, f), append(fs.names, w.name), f
	return fresh
}

// fleetsOf are what a route asks for: one for WebSockets, and perhaps another for plain requests.
func (b *builder) fleetsOf(from *config.Route) (all []wantedFleet, err error) {
	cfg, w := from.Config, wantedFleet{name: from.Name, from: from}
	if w.specs, err = cfg.Backends(); err != nil {
		return nil, err
	}
	if w.terms, err = b.fleetTerms(cfg, w.specs, false); err != nil {
		return nil, err
	}
	before := b.before.route(from.Identity())
	if before != nil {
		w.was = before.fleet
	}
	if all = append(all, w); !cfg.HTTP || len(cfg.HTTPUpstream) == 0 {
		return all, nil
	}
	w = wantedFleet{name: from.Name + " (http)", from: from}
	if w.specs, err = cfg.HTTPBackends(); err != nil {
		return nil, err
	}
	if w.terms, err = b.fleetTerms(cfg, w.specs, true); err != nil {
		return nil, err
	}
	if before != nil {
		w.was = before.httpFleet
	}
	return append(all, w), nil
}

// inheritFleets finds those whose place the new ones take: that of the same route, unless a route has it still.
func (b *builder) inheritFleets(fresh []wantedFleet) {
	taken := map[*fleet]bool{}
	for _, f := range b.fleets.all {
		taken[f] = true
	}
	for _, w := range fresh {
		if w.was != nil && !taken[w.was] {
			taken[w.was] = true
			b.fleets.before[b.fleets.byTerms[w.terms]] = w.was
		}
	}
}

// open makes the group and how it is reached, of nothing but the terms.
func (b *builder) open(f *fleet, specs []upstream.Spec) (err error) {
	e, t := b.env, &f.terms
	o := upstream.Options{Balance: t.balance, TLS: t.tls.config, Panic: t.panics, Health: t.health,
		DNSInterval: t.dnsInterval, EmptyHold: t.emptyHold, Family: t.family}
	if before := b.fleets.before[f]; before != nil {
		o.Before = before.group
	}
	f.tellOf(&o, e.log)
	if f.group, err = upstream.NewGroup(specs, o); err != nil {
		return err
	}
	f.dialer = &upstream.Dialer{Group: f.group, Retries: t.retries, ConnectTimeout: t.connect, AnswerTimeout: t.answer, Limits: t.head,
		OnConnect: e.metrics.connected, Handshakes: e.toBackends, Pool: t.pool}
	f.begin, f.end, f.parting = f.group.Start, f.group.Close, &e.parting
	b.has(&f.part)
	return nil
}

// resolve looks up the names of all new fleets at once, so that one that hangs keeps no other waiting.
func (b *builder) resolve(fresh []wantedFleet) {
	var lookups sync.WaitGroup
	for _, w := range fresh {
		lookups.Go(b.fleets.byTerms[w.terms].group.Resolve)
	}
	lookups.Wait()
}

// servable tells whether the fleet has an endpoint that may be chosen.
func (f *fleet) servable() bool {
	return f.group.HealthyCount() > 0 || f.terms.panics && len(f.group.Endpoints()) > 0
}
