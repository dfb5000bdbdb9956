package plan

import (
	"slices"

	"weir/gateway/config"
	"weir/gateway/web"
	"weir/upstream"
)

// buildRoutes makes the routes and what they lead to.
func (b *builder) buildRoutes() error {
	var wrong problems
	for i := range b.Config.Routes {
		from := &b.Config.Routes[i]
		r, err := b.routeOf(from)
		if err != nil {
			wrong.add(from.Blame(err))
			continue
		}
		b.Routes = append(b.Routes, r)
		if b.byIdentity[r.Identity] == nil { // else nothing ever comes to this one
			b.byIdentity[r.Identity] = r
		}
		if r.tunnels {
			b.Sockets = 2
		}
	}
	if wrong.all != nil {
		return wrong.err()
	}
	var err error
	b.table, err = b.Config.Table()
	return err
}

// routeOf makes a route, or takes that of the plan before, if nothing of it differs.
func (b *builder) routeOf(from *config.Route) (*Route, error) {
	before := b.before.ByIdentity(from.Identity())
	r := &Route{Identity: from.Identity(), Generation: b.Generation, Config: from.Config}
	r.Name, r.PauseAt = from.Name, int(from.Config.HighWater-b.env.Start.ReadBuffer)
	if err := b.fill(r, before); err != nil {
		return nil, err
	}
	if before != nil && before.routeTerms == r.routeTerms && before.Config.SameRoute(r.Config) {
		r = before
	}
	if r.Plain != nil {
		b.has(r.transports)
	}
	return r, nil
}

// fill gives a route its parts, as far as they are the same those of before, which may be nil.
func (b *builder) fill(r, before *Route) error {
	specs, err := r.Config.Backends()
	if err != nil {
		return err
	}
	listed := len(r.Config.UpstreamFile) > 0 // which may become any
	r.tunnels, r.Pools = listed || slices.ContainsFunc(specs, upstream.Spec.Tunnels), listed || slices.ContainsFunc(specs, upstream.Spec.Pools)
	if r.Fleet, err = b.fleetOf(r.Config, specs, false); err != nil {
		return err
	}
	if r.Gate, err = b.gateOf(r.Config); err != nil {
		return err
	}
	if before != nil {
		r.Meter = before.Meter
	}
	r.Meter = newMeter(r.Config, r.Meter)
	r.stickyKey = string(b.stickyKey)
	if err := r.open(); err != nil {
		return err
	}
	if !r.Config.HTTP {
		return nil
	}
	return b.servePlain(r, before)
}

// fleetOf is the fleet of these backends, which buildFleets has made.
func (b *builder) fleetOf(cfg *config.Config, specs []upstream.Spec, plain bool) (*Fleet, error) {
	terms, err := b.fleetTerms(cfg, specs, plain)
	return b.Fleets.byTerms[terms], err
}

// ByIdentity is the route of this identity; nil if there is none.
func (p *Plan) ByIdentity(identity string) *Route { return p.byIdentity[identity] }

// servePlain says how the route's plain requests are served: by backends of their own, or the same.
func (b *builder) servePlain(r, before *Route) error {
	f := r.Fleet
	specs, err := r.Config.HTTPBackends()
	if err != nil {
		return err
	}
	if len(r.Config.HTTPUpstream) > 0 {
		if f, err = b.fleetOf(r.Config, specs, true); err != nil {
			return err
		}
	}
	r.httpFleet = f
	ts := b.transports(r.Config)
	if before != nil && before.Plain != nil && before.Plain.Transports.Options() == ts.Options() {
		ts, r.transports = before.Plain.Transports, before.transports
	} else {
		r.transports = &part{end: ts.Close, parting: &b.env.Parting}
	}
	r.Plain = &web.Plan{Route: r.Name, Group: f.Group, Retries: r.Config.ConnectRetries, Rules: &r.Headers,
		EndpointHeader: r.Config.EndpointHeader, Sticky: r.Sticky, Transports: ts}
	if r.rewrite != nil {
		r.Plain.Rewrite = r.rewritePath
	}
	return nil
}

// idlePerEndpoint is how many connections for plain requests are kept to each endpoint by each route.
const idlePerEndpoint = 64

func (b *builder) transports(cfg *config.Config) *web.Transports {
	return web.NewTransports(web.TransportOptions{ConnectTimeout: cfg.ConnectTimeout, AnswerTimeout: cfg.HTTPTimeout,
		IdleTimeout: cfg.HTTPIdleTimeout, MaxIdlePerEndpoint: idlePerEndpoint, MaxHeader: int(cfg.MaxHeaderSize),
		Costs: upstream.Costs{Sockets: b.env.Sockets, Compute: b.env.Compute}})
}

// CloseIdle closes the connections to backends that are kept for later requests, as their descriptors are needed.
func (p *Plan) CloseIdle() {
	for _, r := range p.Routes {
		if r.Plain != nil {
			r.Plain.Transports.CloseIdle()
		}
	}
}
