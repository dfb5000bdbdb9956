package gateway

import (
	"slices"

	"weir/gateway/config"
	"weir/gateway/web"
	"weir/upstream"
)

// buildRoutes makes the routes and what they lead to.
func (b *builder) buildRoutes() error {
	var wrong problems
	for i := range b.cfg.Routes {
		from := &b.cfg.Routes[i]
		r, err := b.routeOf(from)
		if err != nil {
			wrong.add(from.Blame(err))
			continue
		}
		b.routes = append(b.routes, r)
		if b.byIdentity[r.identity] == nil { // else nothing ever comes to this one
			b.byIdentity[r.identity] = r
		}
		if r.tunnels {
			b.sockets = 2
		}
	}
	if wrong.all != nil {
		return wrong.err()
	}
	var err error
	b.table, err = b.cfg.Table()
	return err
}

// routeOf makes a route, or takes that of the plan before, if nothing of it differs.
func (b *builder) routeOf(from *config.Route) (*route, error) {
	before := b.before.route(from.Identity())
	r := &route{identity: from.Identity(), generation: b.generation, cfg: from.Config}
	r.name, r.pauseAt = from.Name, int(from.Config.HighWater-b.env.start.ReadBuffer)
	if err := b.fill(r, before); err != nil {
		return nil, err
	}
	if before != nil && before.routeTerms == r.routeTerms && before.cfg.SameRoute(r.cfg) {
		r = before
	}
	if r.plan != nil {
		b.has(r.transports)
	}
	return r, nil
}

// fill gives a route its parts, as far as they are the same those of before, which may be nil.
func (b *builder) fill(r, before *route) error {
	specs, err := r.cfg.Backends()
	if err != nil {
		return err
	}
	r.tunnels, r.pools = slices.ContainsFunc(specs, upstream.Spec.Tunnels), slices.ContainsFunc(specs, upstream.Spec.Pools)
	if r.fleet, err = b.fleetOf(r.cfg, specs, false); err != nil {
		return err
	}
	if r.gate, err = b.gateOf(r.cfg); err != nil {
		return err
	}
	if before != nil {
		r.meter = before.meter
	}
	r.meter = newMeter(r.cfg, r.meter)
	r.stickyKey = string(b.stickyKey)
	if err := r.open(); err != nil {
		return err
	}
	if !r.cfg.HTTP {
		return nil
	}
	return b.servePlain(r, before)
}

// fleetOf is the fleet of these backends, which buildFleets has made.
func (b *builder) fleetOf(cfg *config.Config, specs []upstream.Spec, plain bool) (*fleet, error) {
	terms, err := b.fleetTerms(cfg, specs, plain)
	return b.fleets.byTerms[terms], err
}

// route is the route of this identity; nil if there is none.
func (p *plan) route(identity string) *route { return p.byIdentity[identity] }

// servePlain says how the route's plain requests are served: by backends of their own, or the same.
func (b *builder) servePlain(r, before *route) error {
	f := r.fleet
	specs, err := r.cfg.HTTPBackends()
	if err != nil {
		return err
	}
	if len(r.cfg.HTTPUpstream) > 0 {
		if f, err = b.fleetOf(r.cfg, specs, true); err != nil {
			return err
		}
	}
	r.httpFleet = f
	ts := b.transports(r.cfg)
	if before != nil && before.plan != nil && before.plan.Transports.Options() == ts.Options() {
		ts, r.transports = before.plan.Transports, before.transports
	} else {
		r.transports = &part{end: ts.Close, parting: &b.env.parting}
	}
	r.plan = &web.Plan{Route: r.name, Group: f.group, Retries: r.cfg.ConnectRetries, Rules: &r.headers,
		EndpointHeader: r.cfg.EndpointHeader, Sticky: r.sticky, Transports: ts}
	if r.rewrite != nil {
		r.plan.Rewrite = r.rewritePath
	}
	return nil
}

// idlePerEndpoint is how many connections for plain requests are kept to each endpoint by each route.
const idlePerEndpoint = 64

func (b *builder) transports(cfg *config.Config) *web.Transports {
	return web.NewTransports(web.TransportOptions{ConnectTimeout: cfg.ConnectTimeout, AnswerTimeout: cfg.HTTPTimeout,
		IdleTimeout: cfg.HTTPIdleTimeout, MaxIdlePerEndpoint: idlePerEndpoint, MaxHeader: int(cfg.MaxHeaderSize),
		Costs: upstream.Costs{Sockets: b.env.sockets, Compute: b.env.compute}})
}

// closeIdle closes the connections to backends that are kept for later requests, as their descriptors are needed.
func (p *plan) closeIdle() {
	for _, r := range p.routes {
		if r.plan != nil {
			r.plan.Transports.CloseIdle()
		}
	}
}
