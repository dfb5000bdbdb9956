package gateway

import (
	"errors"
	"fmt"

	"weir/gateway/config"
	"weir/gateway/web"
	"weir/upstream"
)

// newRoutes makes the routes and the fleets they lead to.
func (g *Gateway) newRoutes() error {
	sockets := 1
	var wrong []error
	for i := range g.cfg.Routes {
		from := &g.cfg.Routes[i]
		specs, err := from.Config.Backends()
		if err != nil {
			return err
		}
		for _, spec := range specs {
			if spec.Tunnels() {
				sockets = 2
			}
		}
		f, err := g.fleetOf(from.Name, from.Config, specs)
		if err != nil {
			return err
		}
		r, err := newRoute(g, i, from, f)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("route %s: %w", from.Name, err))
			continue
		}
		if r.cfg.HTTP {
			if err := g.planFor(r); err != nil {
				return err
			}
		}
		g.routes = append(g.routes, r)
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	g.limits.max = g.maxConnections(sockets)
	if len(g.routes) == 1 && g.cfg.Routes[0].Match.Any() {
		g.only = g.routes[0]
	}
	var err error
	g.table, g.readsPaths, err = g.cfg.Table()
	return err
}

// planFor says how the route's plain requests are served: by backends of their own, or the same.
func (g *Gateway) planFor(r *route) error {
	f := r.fleet
	specs, err := r.cfg.HTTPBackends()
	if err != nil {
		return err
	}
	if len(r.cfg.HTTPUpstream) > 0 {
		if f, err = g.fleetOf(r.name+" (http)", r.cfg, specs); err != nil {
			return err
		}
	}
	g.transports = append(g.transports, transports(r.cfg))
	r.plan = &web.Plan{Route: r.name, Group: f.group, Retries: r.cfg.ConnectRetries, Rules: &r.headers,
		EndpointHeader: r.cfg.EndpointHeader, Sticky: r.sticky, Transports: g.transports[len(g.transports)-1]}
	if r.rewrite != nil {
		r.plan.Rewrite = r.rewritePath
	}
	return nil
}

// idlePerEndpoint is how many connections for plain requests are kept to each endpoint by each route.
const idlePerEndpoint = 64

func transports(cfg *config.Config) *web.Transports {
	return web.NewTransports(web.TransportOptions{ConnectTimeout: cfg.ConnectTimeout, AnswerTimeout: cfg.HTTPTimeout,
		IdleTimeout: cfg.HTTPIdleTimeout, MaxIdlePerEndpoint: idlePerEndpoint, MaxHeader: int(cfg.MaxHeaderSize)})
}

// eachEndpoint walks the endpoints of all fleets.
func (g *Gateway) eachEndpoint(do func(f *fleet, e *upstream.Endpoint)) {
	for _, f := range g.fleets {
		for _, e := range f.group.Endpoints() {
			do(f, e)
		}
	}
}
