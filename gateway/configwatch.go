package gateway

import (
	"time"

	"weir/gateway/config"
)

// watchConfig reloads when the configuration's file says something else than what is in force, once two looks in a row have
// found the same: a file that is being written is not taken. It compares content: Kubernetes swaps a link, and times lie.
func (g *Gateway) watchConfig() {
	var failed, seen config.FileSum
	for {
		cfg := g.proc.Plan.Load().Config
		every := cfg.ConfigWatch
		if every == 0 {
			every = time.Hour // until a reload says otherwise
		}
		select {
		case <-g.proc.Running.Done():
			return
		case <-g.tookConfig:
			failed, seen = config.FileSum{}, config.FileSum{}
			continue
		case <-time.After(every):
		}
		if cfg.ConfigWatch == 0 || cfg.Config == "" {
			continue
		}
		now := config.SumOf(cfg.Config)
		if now == seen && now != cfg.FileSum() && now != failed && now != (config.FileSum{}) {
			failed = now      // unless it is taken; it is not tried again and again
			_, _ = g.Reload() // tells the log
		}
		seen = now
	}
}
