package gateway

import (
	"slices"
	"time"

	"weir/gateway/rate"
)

// startUpkeep has upkeep run once there is anything to read again or to sweep. Without, an idle gateway does not wake.
func (g *Gateway) startUpkeep() {
	gates := &g.proc.plan.Load().gates
	if len(g.tables()) > 0 || len(gates.networks)+len(gates.policies) > 0 {
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
		case <-g.proc.running.Done():
			return
		case <-second.C:
		}
		g.sweep()
		p := g.proc.plan.Load()
		if every := p.cfg.ReloadInterval; every > 0 && time.Since(last) >= every {
			last = time.Now()
			_ = g.proc.reread(&p.gates, false) // was told
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
	p := g.proc.plan.Load()
	all := append(g.proc.failures.Tables(), p.newcomers)
	for _, r := range p.routes {
		if m := r.meter; m != nil {
			for _, in := range []shares{m.messages, m.allBytes} {
				all = append(all, in.user, in.ip, in.route)
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
