package gateway

import (
	"io"

	"weir/gateway/observe"
	"weir/gateway/plan"
	"weir/upstream"
)

// scrape looks at all that metrics tell of.
func (g *Gateway) scrape() *observe.Scrape {
	p := g.proc.Plan.Load()
	s := &observe.Scrape{Release: Release, Metrics: g.proc.Metrics, Loops: g.shards.Stats(), Web: g.proc.Web.Stats(), Generation: p.Generation, Generations: g.shards.CountByGeneration(),
		Draining: g.proc.Draining.Load(), MaxConnections: g.proc.Admitted.Max(), Requests: g.proc.Requests.Len(), Uncounted: p.Uncounted(),
		Compute: g.proc.Compute, Handshakes: g.proc.FromClients, Lookups: p.Lookups(), Lines: g.lines, Predecessor: g.predecessorSessions,
		Endpoints: func(do func(string, *upstream.Endpoint)) {
			p.EachEndpoint(func(f *plan.Fleet, e *upstream.Endpoint) { do(*f.Name.Load(), e) })
		}}
	s.Skew = map[string]float64{}
	for _, f := range p.Fleets.All {
		s.Skew[*f.Name.Load()] = f.Group.Skew()
	}
	for _, r := range p.Routes {
		s.Routes = append(s.Routes, r.Config)
	}
	if p.Certs != nil {
		s.Expiries = p.Certs.Expiries()
	}
	return s
}

// writeMetrics writes everything in Prometheus' text format.
func (g *Gateway) writeMetrics(w io.Writer) {
	g.scrape().Write(w)
	observe.WriteProcess(w)
}
