package gateway

import (
	"time"

	"weir/gateway/config"
)

// watchConfig reloads when the configuration's file says something else than what is in force, once two looks in a row have
// found the same: a file that is being written is not taken. It compares content: Kubernetes swaps a link, and times lie.
// One that was not taken is tried again, as what it lacked may have come: a certificate, an end of old sessions.
func (g *Gateway) watchConfig() {
	var seen config.FileSum
	var failed failure
	for {
		cfg := g.proc.plan.Load().cfg
		every := cfg.ConfigWatch
		if every == 0 {
			every = time.Hour // until a reload says otherwise
		}
		select {
		case <-g.proc.running.Done():
			return
		case <-g.tookConfig:
			failed, seen = failure{}, config.FileSum{}
			continue
		case <-time.After(every):
		}
		if cfg.ConfigWatch == 0 || cfg.Config == "" || g.isEnding() {
			continue
		}
		now := config.SumOf(cfg.Config)
		if now == seen && now != cfg.FileSum() && now != (config.FileSum{}) && failed.over(now) {
			_, err := g.Reload() // tells the log
			failed.count(now, every, err)
		}
		seen = now
	}
}

// maxRetry bounds the time until a file that was not taken is tried again.
const maxRetry = time.Minute

// failure is a file that was not taken.
type failure struct {
	sum  config.FileSum
	wait time.Duration
	at   time.Time
}

// over tells whether the file is another one, or is to be tried again.
func (f *failure) over(sum config.FileSum) bool { return f.sum != sum || time.Since(f.at) >= f.wait }

// count has the file tried again after twice the time that it was waited for before.
func (f *failure) count(sum config.FileSum, every time.Duration, err error) {
	switch {
	case err == nil:
		*f = failure{}
	case f.sum != sum:
		*f = failure{sum: sum, wait: 2 * every, at: time.Now()}
	default:
		f.wait, f.at = max(every, min(2*f.wait, maxRetry)), time.Now()
	}
}
