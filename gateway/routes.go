package gateway

import (
	"errors"
	"fmt"
	"slices"

	"weir/gateway/config"
	"weir/gateway/web"
	"weir/upstream"
)

// buildRoutes makes the routes and what they lead to.
func (b *builder) buildRoutes() error {
	var wrong []error
	for i := range b.cfg.Routes {
		from := &b.cfg.Routes[i]
		r, err := b.routeOf(from)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("route %s: %w", from.Name, err))
			continue
		}
		b.routes = append(b.routes, r)
		if r.tunnels {
			b.sockets = 2
		}
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	b.resolve()
	var err error
	b.table, err = b.cfg.Table()
	return err
}

// routeOf makes a route, or takes that of the plan before, if nothing of it differs.
func (b *builder) routeOf(from *config.Route) (*route, error) {
	before := b.before.route(from.Identity())
	r := &route{name: from.Name, identity: from.Identity(), generation: b.generation, cfg: from.Config,
		pauseAt: int(from.Config.HighWater - b.gw.cfg.ReadBuffer)}
	if err := b.fill(r, before); err != nil {
		return nil, err
	}
	if before != nil && before.name == r.name && before.cfg.Same(r.cfg) && before.fleet == r.fleet && before.gate == r.gate && before.meter == r.meter {
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
	r.tunnels = slices.ContainsFunc(specs, upstream.Spec.Tunnels)
	if r.fleet, err = b.fleetOf(r.name, r.cfg, specs, false); err != nil {
		return err
	}
	if r.gate, err = b.gateOf(r.cfg); err != nil {
		return err
	}
	r.meter = newMeter(r.cfg)
	if before != nil && before.meter != nil && r.meter != nil && before.meter.terms == r.meter.terms {
		r.meter = before.meter
	}
	if err := r.open(b.stickyKey); err != nil {
		return err
	}
	if !r.cfg.HTTP {
		return nil
	}
	return b.servePlain(r, before)
}

// route is the route of this identity; nil if there is none.
func (p *plan) route(identity string) *route {
	for _, r := range p.routes {
		if r.identity == identity {
			return r
		}
	}
	return nil
}

// servePlain says how the route's plain requests are served: by backends of their own, or the same.
func (b *builder) servePlain(r, before *route) error {
	f := r.fleet
	specs, err := r.cfg.HTTPBackends()
	if err != nil {
		return err
	}
	if len(r.cfg.HTTPUpstream) > 0 {
		if f, err = b.fleetOf(r.name+" (http)", r.cfg, specs, true); err != nil {
			return err
		}
	}
	ts := b.transports(r.cfg)
	if before != nil && before.plan != nil && before.plan.Transports.Options() == ts.Options() {
		ts, r.transports = before.plan.Transports, before.transports
	} else {
		r.transports = &part{end: ts.Close, parting: &b.gw.parting}
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
		Costs: upstream.Costs{Sockets: b.gw.limits.sockets, Compute: b.gw.limits.compute}})
}

// closeIdle closes the connections to backends that are kept for later requests, as their descriptors are needed.
func (g *Gateway) closeIdle() {
	for _, r := range g.plan.Load().routes {
		if r.plan != nil {
			r.plan.Transports.CloseIdle()
		}
	}
}

// shortage has a loop's want of descriptors met by those of idle connections, without waiting for it.
func (g *Gateway) shortage() {
	if g.freeing.CompareAndSwap(false, true) {
		go func() {
			g.closeIdle()
			g.freeing.Store(false)
		}()
	}
}
