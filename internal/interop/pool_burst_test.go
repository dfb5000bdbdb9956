package interop

import (
	"fmt"
	"sync"
	"testing"

	"weir/gateway/config"
	"weir/upstream/accept"
)

// TestPoolBurst: clients that come all at once, and leave and come back at once, get their streams.
func TestPoolBurst(t *testing.T) {
	t.Parallel()
	addr := startAcceptEcho(t, accept.Options{MaxStreams: 10})
	f := poolsTuned(t, func(cfg *config.Config) { cfg.PoolMin = 0 }, "ws://"+addr)
	for round := range 5 {
		var burst sync.WaitGroup
		for i := range 200 {
			burst.Go(func() {
				c, err := dialRaw(f.Addr, patience)
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				if err := c.echo(fmt.Sprint(round, " ", i)); err != nil {
					t.Error(err)
				}
			})
		}
		burst.Wait()
	}
}
