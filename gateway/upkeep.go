package gateway

import (
	"slices"
	"time"

	"weir/gateway/plan"
	"weir/gateway/rate"
)

// startUpkeep has upkeep run once there is anything to read again or to sweep. Without, an idle gateway does not wake.
func (g *Gateway) startUpkeep() {
	reads := func(d *plan.Gate) bool { return d.Networks != nil || d.Auth != nil }
	if len(g.tables()) > 0 || slices.ContainsFunc(g.proc.Plan.Load().Gates, reads) {
		g.upkeeping.Do(func() { go g.upkeep() })
	}
}

// upkeep reads the files of all gates again and again, and has tables of rates shrink, until the gateway stops.
func (g *Gateway) upkeep() {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	last := time.Now()
	for {
		select {
		case <-g.proc.Running.Done():
			return
		case <-second.C:
		}
		g.sweep()
		p := g.proc.Plan.Load()
		if every := p.Config.ReloadInterval; every > 0 && time.Since(last) >= every {
			last = time.Now()
			for _, d := range p.Gates {
				_ = g.proc.Reread(d, false) // was told
			}
		}
	}
}

// sweep has a part of each table forget whom it need not remember.
func (g *Gateway) sweep() {
	now := rate.Now()
	for _, t := range g.tables() {
		t.Sweep(now)
	}
}

// tables are those of all rates.
func (g *Gateway) tables() []*rate.Table {
	p := g.proc.Plan.Load()
	all := append(g.proc.Failures.Tables(), p.HandshakeRate)
	for _, r := range p.Routes {
		if m := r.Meter; m != nil {
			for _, in := range []plan.Shares{m.Messages, m.AllBytes} {
				all = append(all, in.User, in.Ip, in.Route)
			}
		}
	}
	return slices.DeleteFunc(all, func(t *rate.Table) bool { return t == nil })
}

// uncounted is how often a full table had no place for somebody, who passed.
func (g *Gateway) uncounted() (n uint64) {
	for _, t := range g.tables() {
		n += t.Crowded()
	}
	return n
}
