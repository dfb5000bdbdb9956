package gateway

import "time"

// startUpkeep has upkeep run once there is anything to read again or to sweep. Without, an idle gateway does not wake.
func (g *Gateway) startUpkeep() {
	if g.proc.Plan.Load().NeedsUpkeep() {
		g.upkeeping.Do(func() { go g.upkeep() })
	}
}

// upkeep reads the files of the plan in force again and again, and has tables of rates shrink, until the gateway stops.
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
		p := g.proc.Plan.Load()
		p.Sweep()
		if every := p.Config.ReloadInterval; every > 0 && time.Since(last) >= every {
			last = time.Now()
			p.LookAtFiles()
		}
	}
}
