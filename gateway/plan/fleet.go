package plan

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"weir/codec/http1"
	"weir/gateway/config"
	"weir/upstream"
	"weir/upstream/balance"
	"weir/upstream/discovery"
	"weir/upstream/health"
)

// Fleet is a set of backends and how they are reached. Routes that say the same about both share one, so that
// nothing is checked, looked up or connected to twice. It is looked after while a plan has it.
type Fleet struct {
	// Immutable.
	part
	terms  fleetTerms
	Group  *upstream.Group
	Dialer *upstream.Dialer

	Name atomic.Pointer[string] // of the first route that uses it in the plan in force
}

// fleetTerms are all that a fleet is made of, so that equal ones can share it.
type fleetTerms struct {
	specs, files    string // of the backends, in their order
	fitting         string // knobs that have a say in what a file may list
	kubeconfig      string // "" too where no backend needs it
	policy          balance.Policy
	balance         float64
	threshold       float64
	slowStart       time.Duration
	zone            string
	outlier         upstream.Outlier
	panics          bool
	dnsInterval     time.Duration
	dnsMinTTL       time.Duration
	emptyHold       time.Duration
	family          discovery.Family
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
		specs: strings.Join(texts, "\n"), policy: balance.Policy(cfg.Balance), balance: cfg.BalanceFactor,
		threshold: float64(cfg.PriorityThreshold) / 100, slowStart: cfg.SlowStart, zone: cfg.Zone, outlier: outlier(cfg),
		panics: cfg.Panic, dnsInterval: cfg.DNSInterval, dnsMinTTL: cfg.DNSMinTTL, emptyHold: cfg.EmptyHold, family: discovery.Family(cfg.DNSFamily),
		retries: cfg.ConnectRetries, connect: cfg.ConnectTimeout, answer: cfg.BackendTimeout,
		pool: upstream.PoolOptions{Min: cfg.PoolMin, MaxStreams: cfg.PoolMaxStreams, Window: int(b.env.Start.ReadBuffer), Idle: cfg.PoolIdle,
			PingInterval: cfg.PoolPingInterval, PingTimeout: cfg.PoolPingTimeout, Spread: cfg.PoolSpread},
		head: b.HeadLimits,
	}
	if !plain && len(cfg.UpstreamFile) > 0 {
		t.files, t.fitting = strings.Join(cfg.UpstreamFile, "\n"), fmt.Sprint(cfg.HealthPort > 0, len(cfg.UpgradeOther) > 0)
	}
	if t.files != "" || slices.ContainsFunc(specs, inKubernetes) {
		t.kubeconfig = cfg.Kubeconfig
	}
	if t.health, err = cfg.HealthChecks(plain); err != nil {
		return t, err
	}
	t.tls, err = b.backendTLS(tlsTermsOf(cfg))
	return t, err
}

// outlier is when a backend is taken out for how it treats handshakes.
func outlier(cfg *config.Config) upstream.Outlier {
	if !cfg.Outlier {
		return upstream.Outlier{}
	}
	return upstream.Outlier{Ratio: float64(cfg.OutlierRatio) / 100, Min: cfg.OutlierMin, Window: cfg.OutlierWindow, Early: cfg.OutlierEarly,
		Eject: cfg.OutlierEject, Max: float64(cfg.OutlierMax) / 100}
}

// fleets are those of a plan, found by their terms. Immutable once the plan is built.
type fleets struct {
	All     []*Fleet
	names   []string // of the first route that uses each
	byTerms map[fleetTerms]*Fleet
	Before  map[*Fleet]*Fleet // whose place a new one takes
}

// wantedFleet is what a route asks for.
type wantedFleet struct {
	terms fleetTerms
	specs []upstream.Spec
	name  string
	from  *config.Route
	was   *Fleet // of the same route in the plan before; nil: none
}

// buildFleets gives all routes their fleets: those of the plan before where the terms are the same, or new ones.
func (b *builder) buildFleets() error {
	b.Fleets = fleets{byTerms: map[fleetTerms]*Fleet{}, Before: map[*Fleet]*Fleet{}}
	var fresh []wantedFleet
	var wrong problems
	for i := range b.Config.Routes {
		from := &b.Config.Routes[i]
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
		if err := b.open(b.Fleets.byTerms[w.terms], w); err != nil {
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
	fs := &b.Fleets
	if fs.byTerms[w.terms] != nil {
		return false
	}
	f := b.before.Fleets.byTerms[w.terms]
	if fresh = f == nil; fresh {
		f = &Fleet{terms: w.terms}
		f.Name.Store(&w.name)
	} else {
		b.has(&f.part)
	}
	fs.All, fs.names, fs.byTerms[w.terms] = append(fs.All, f), append(fs.names, w.name), f
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
	before := b.before.ByIdentity(from.Identity())
	if before != nil {
		w.was = before.Fleet
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
	taken := map[*Fleet]bool{}
	for _, f := range b.Fleets.All {
		taken[f] = true
	}
	for _, w := range fresh {
		if w.was != nil && !taken[w.was] {
			taken[w.was] = true
			b.Fleets.Before[b.Fleets.byTerms[w.terms]] = w.was
		}
	}
}

// open makes the group and how it is reached, of nothing but the terms.
func (b *builder) open(f *Fleet, w wantedFleet) (err error) {
	e, t := b.env, &f.terms
	o := upstream.Options{Policy: t.policy, Balance: t.balance, Threshold: t.threshold, SlowStart: t.slowStart, Zone: t.zone, Outlier: t.outlier, TLS: t.tls.config, Panic: t.panics, Health: t.health,
		DNSInterval: t.dnsInterval, DNSMinTTL: t.dnsMinTTL, EmptyHold: t.emptyHold, Family: t.family,
		Kubernetes: cluster{t.kubeconfig}}
	if cfg := w.from.Config; t.files != "" {
		o.Files = strings.Split(t.files, "\n")
		o.Admits = func(s upstream.Spec) error { return admits(cfg, s) } // of w nothing else: it knows the plan before
	}
	if slices.ContainsFunc(w.specs, inKubernetes) {
		if err := (cluster{t.kubeconfig}).known(); err != nil {
			return err
		}
	}
	if before := b.Fleets.Before[f]; before != nil {
		o.Before = before.Group
	}
	f.tellOf(&o, e.Log)
	o.ByHand, o.OnLeave = &e.ByHand, e.OnLeave
	o.OnRetryDenied = func() { e.Metrics.RetriesDenied.Add(1) }
	if f.Group, err = upstream.NewGroup(w.specs, o); err != nil {
		return err
	}
	f.Dialer = &upstream.Dialer{Group: f.Group, Retries: t.retries, ConnectTimeout: t.connect, AnswerTimeout: t.answer, Limits: t.head,
		OnConnect: e.Metrics.Connected, Handshakes: e.ToBackends, Pool: t.pool}
	f.begin, f.end, f.parting = f.Group.Start, f.Group.Close, &e.Parting
	b.has(&f.part)
	return nil
}

// resolve looks up the names of all new fleets at once, so that one that hangs keeps no other waiting.
func (b *builder) resolve(fresh []wantedFleet) {
	var lookups sync.WaitGroup
	for _, w := range fresh {
		lookups.Go(b.Fleets.byTerms[w.terms].Group.Resolve)
	}
	lookups.Wait()
}

// Early is how long a session has to last, if its end is not to count as a handshake that the backend failed.
func (f *Fleet) Early() time.Duration {
	if f.terms.outlier.Ratio == 0 {
		return 0
	}
	return f.terms.outlier.Early
}

// Servable tells whether the fleet has an endpoint that may be chosen.
func (f *Fleet) Servable() bool {
	return f.Group.Servable()
}
