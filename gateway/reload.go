package gateway

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"weir/gateway/admin"
	"weir/gateway/config"
)

// How a configuration takes the place of another while the gateway runs.
//
//	load -> build beside the plan in force -> open new listeners -> swap the pointer -> one task a loop -> close old listeners
//
// Until the swap any failure leaves everything as it was.

// OnReload is how the configuration is read again, and who is told of one that has come into force; nil: nobody.
func OnReload(load func() (*config.Config, error), taken func(*config.Config)) Option {
	return func(g *Gateway) { g.load, g.taken = load, taken }
}

// Report says what a reload did.
type Report struct {
	Generation uint64 `json:"generation"`
	config.Difference
	Warnings []string `json:"warnings,omitempty"` // files that could not be read again and stay as they were
}

// Reload reads the configuration again and puts it into force, and the files that it names, even where it says the same.
// An error says why nothing has changed.
func (g *Gateway) Reload() (Report, error) {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	r, err := g.reload()
	if err != nil {
		g.proc.metrics.configFailures.Add(1)
		g.proc.log.Error("configuration not reloaded, the one before stays in force", "error", err)
		return r, err
	}
	g.proc.metrics.configReloads.Add(1)
	g.proc.metrics.lastReload.Store(time.Now().Unix())
	attrs := []any{"generation", r.Generation, "changes", r.Lines()}
	if r.Warnings != nil {
		attrs = append(attrs, "warnings", r.Warnings)
	}
	g.proc.log.Info("configuration reloaded", attrs...)
	return r, nil
}

func (g *Gateway) reload() (r Report, err error) {
	if g.isEnding() {
		return r, errEnding
	}
	old := g.proc.plan.Load()
	given, cfg := g.given, old.cfg
	if g.load != nil {
		if given, err = g.load(); err != nil {
			return r, err
		}
		cfg = given.Keep(g.cfg)
	}
	if err := g.generationsLeft(); err != nil {
		return r, err
	}
	next, warnings, err := g.proc.build(cfg, old)
	if err != nil {
		return r, err
	}
	if err := g.swap(old, next); err != nil {
		next.release()
		return r, err
	}
	r = Report{Generation: next.generation, Difference: g.given.Diff(given), Warnings: warnings}
	r.Restart = g.cfg.Diff(given).Restart // also of what an earlier reload said
	g.given = given
	g.startUpkeep()
	if g.taken != nil {
		g.taken(given)
	}
	for _, err := range config.Problems(g.rereadFiles(next)) {
		r.Warnings = append(r.Warnings, err.Error())
	}
	select {
	case g.tookConfig <- struct{}{}:
	default:
	}
	return r, nil
}

// swap puts next into force. An error, after which nothing has changed, says why that cannot be.
func (g *Gateway) swap(old, next *plan) error {
	g.starting.Lock()
	defer g.starting.Unlock()
	switch {
	case g.isEnding():
		return errEnding
	case len(g.shards) == 0:
		return errors.New("gateway: not started")
	}
	if err := g.openListeners(next); err != nil {
		return err
	}
	next.start()
	g.bound(next)
	g.proc.plan.Store(next)
	g.adopt(next)
	for _, sh := range g.shards {
		_ = sh.loop.Do(func() { sh.evict(next) })
	}
	g.forgetListeners(next)
	for _, r := range next.routes {
		if r.plan != nil {
			r.plan.Transports.Keep(r.plan.Group)
		}
	}
	old.release()
	return nil
}

// isEnding tells whether no configuration is taken any more.
func (g *Gateway) isEnding() bool { return g.proc.draining.Load() || g.leaving.Load() }

var errEnding = &admin.BusyError{Err: errors.New("this process is ending, it takes no other configuration: reload its successor")}

// maxGenerations bounds the configurations that still have sessions.
const maxGenerations = 16

// generationsLeft refuses one more configuration while sessions of too many are there.
func (g *Gateway) generationsLeft() error {
	open := g.sessionsByGeneration()
	delete(open, g.proc.plan.Load().generation)
	if len(open) < maxGenerations {
		return nil
	}
	oldest := slices.Min(slices.Collect(func(yield func(uint64) bool) {
		for n := range open {
			if !yield(n) {
				return
			}
		}
	}))
	return &admin.BusyError{Err: fmt.Errorf("there are sessions of %d configurations, the oldest of generation %d with %d sessions: close those (POST /sessions/close), or set reload-drain",
		len(open), oldest, open[oldest])}
}

// sessionsByGeneration counts the sessions by the configuration that they go by: that in force where it has their route as it
// was, else the one that their route was made for.
func (g *Gateway) sessionsByGeneration() map[uint64]int {
	open := map[uint64]int{}
	for _, sh := range g.shards {
		_ = sh.loop.Do(func() {
			for r, l := range sh.lanes {
				generation := sh.plan.generation
				if l.stale {
					generation = r.generation
				}
				if l.sessions > 0 {
					open[generation] += l.sessions
				}
			}
		})
	}
	return open
}

// rereadFiles reads what the configuration names again: certificates, keys, authorities, lists of addresses and users; key
// sets are fetched anew. What cannot be read stays as it was, and is told.
func (g *Gateway) rereadFiles(p *plan) error {
	var tls error
	if p.certs != nil {
		tls = p.certs.Reload()
	}
	for _, who := range p.gates.policies {
		who.Refetch()
	}
	return errors.Join(tls, g.proc.reread(&p.gates, true))
}
