package gateway

import (
	"crypto/sha256"
	"os"
	"time"
)

// watchConfig reloads when the configuration's file says something else, once two looks in a row have found the same: a
// file that is being written is not taken. It compares content: Kubernetes swaps a link, and times lie.
func (g *Gateway) watchConfig() {
	taken := fileSum(g.plan.Load().cfg.Config)
	seen := taken
	for {
		cfg := g.plan.Load().cfg
		every := cfg.ConfigWatch
		if every == 0 {
			every = time.Hour // until a reload says otherwise
		}
		select {
		case <-g.running.Done():
			return
		case <-g.tookConfig:
			taken = fileSum(g.plan.Load().cfg.Config)
			seen = taken
			continue
		case <-time.After(every):
		}
		if cfg.ConfigWatch == 0 {
			continue
		}
		now := fileSum(cfg.Config)
		if now != taken && now == seen && now != (fileState{}) {
			taken = now
			_, _ = g.Reload() // tells the log
		}
		seen = now
	}
}

// fileState is the hash of a file's content; zero for one that cannot be read.
type fileState [sha256.Size]byte

func fileSum(path string) fileState {
	b, err := os.ReadFile(path)
	if err != nil {
		return fileState{}
	}
	return sha256.Sum256(b)
}
