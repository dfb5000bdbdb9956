package gateway

import (
	"io"

	"weir/upstream"
)

// stats asks every loop for its counters. A loop that has stopped is left out.
func (g *Gateway) stats() []loopStats {
	var all []loopStats
	for _, sh := range g.shards {
		var st loopStats
		if sh.loop.Do(func() { st = sh.snapshot() }) == nil {
			all = append(all, st)
		}
	}
	return all
}

// scrape looks at all that metrics tell of.
func (g *Gateway) scrape() *scrape {
	p := g.proc.plan.Load()
	s := &scrape{release: Release, metrics: g.proc.metrics, loops: g.stats(), web: g.proc.web.Stats(), generation: p.generation, generations: g.sessionsByGeneration(),
		draining: g.proc.draining.Load(), maxConnections: g.proc.admitted.Max(), requests: g.proc.requests.Len(), uncounted: g.uncounted(),
		compute: g.proc.compute, handshakes: g.proc.fromClients, lookups: p.lookupFailures(), lines: g.lines, predecessor: g.predecessorSessions,
		endpoints: func(do func(string, *upstream.Endpoint)) {
			p.eachEndpoint(func(f *fleet, e *upstream.Endpoint) { do(*f.name.Load(), e) })
		}}
	for _, r := range p.routes {
		s.routes = append(s.routes, r.config)
	}
	if p.certs != nil {
		s.expiries = p.certs.Expiries()
	}
	return s
}

// writeMetrics writes everything in Prometheus' text format.
func (g *Gateway) writeMetrics(w io.Writer) {
	g.scrape().write(w)
	writeProcess(w)
}
