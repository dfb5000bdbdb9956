package gateway

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"weir/gateway/admin"
	"weir/gateway/config"
	"weir/gateway/plan"
)

// How a configuration takes the place of another while the gateway runs.
//
//	load -> build beside the plan in force -> open new listeners -> swap the pointer -> one task a loop -> close old listeners
//
// Until the swap any failure leaves everything as it was.

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
		g.proc.Metrics.ConfigFailures.Add(1)
		g.proc.Log.Error("configuration not reloaded: the previous one stays in use", "error", err)
		return r, err
	}
	g.proc.Metrics.ConfigReloads.Add(1)
	g.proc.Metrics.LastReload.Store(time.Now().Unix())
	attrs := []any{"generation", r.Generation, "changes", r.Lines()}
	if r.Warnings != nil {
		attrs = append(attrs, "warnings", r.Warnings)
	}
	g.proc.Log.Info("configuration reloaded", attrs...)
	return r, nil
}

func (g *Gateway) reload() (r Report, err error) {
	if g.isEnding() {
		return r, errEnding
	}
	old := g.proc.Plan.Load()
	given, cfg := g.given, old.Config
	if g.load != nil {
		if given, err = g.load(); err != nil {
			return r, err
		}
		cfg = given.Keep(g.cfg)
	}
	if err := g.generationsLeft(); err != nil {
		return r, err
	}
	next, warnings, err := g.proc.Build(cfg, old)
	if err != nil {
		return r, err
	}
	if err := g.swap(old, next); err != nil {
		next.Release()
		return r, err
	}
	r = Report{Generation: next.Generation, Difference: g.given.Diff(given), Warnings: warnings}
	r.Restart = g.cfg.Diff(given).Restart // also of what an earlier reload said
	g.given = given
	g.startUpkeep()
	if g.taken != nil {
		g.taken(given)
	}
	for _, err := range config.Problems(next.Config.BlameFiles(next.Reread())) {
		r.Warnings = append(r.Warnings, err.Error())
	}
	select {
	case g.tookConfig <- struct{}{}:
	default:
	}
	return r, nil
}

// swap puts next into force. An error, after which nothing has changed, says why that cannot be.
func (g *Gateway) swap(old, next *plan.Plan) error {
	g.starting.Lock()
	defer g.starting.Unlock()
	switch {
	case g.isEnding():
		return errEnding
	case len(g.shards) == 0:
		return errors.New("gateway: not started")
	}
	if err := g.listeners.Open(g.shards, next); err != nil {
		return err
	}
	next.Start()
	g.proc.Bound(next)
	g.proc.Plan.Store(next)
	g.shards.Adopt(next)
	g.shards.Evict(next)
	g.listeners.Keep(next)
	for _, r := range next.Routes {
		if r.Plain != nil {
			r.Plain.Transports.Keep(r.Plain.Group)
		}
	}
	old.Release()
	return nil
}

// isEnding tells whether no configuration is taken any more.
func (g *Gateway) isEnding() bool { return g.proc.Draining.Load() || g.leaving.Load() }

var errEnding = &admin.BusyError{Err: errors.New("this process is ending, it takes no other configuration: reload its successor")}

// maxGenerations bounds the configurations that still have sessions.
const maxGenerations = 16

// generationsLeft refuses one more configuration while sessions of too many are there.
func (g *Gateway) generationsLeft() error {
	open := g.shards.CountByGeneration()
	delete(open, g.proc.Plan.Load().Generation)
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
