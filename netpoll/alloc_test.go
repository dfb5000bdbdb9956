//go:build !race

// The race detector makes sync.Pool forget: nothing to measure there.

package netpoll_test

import (
	"runtime"
	"testing"

	"weir/netpoll"
)

// Four events, four reads and three writes a message, and nothing allocated.
func TestRelayAllocatesNothing(t *testing.T) {
	for name, queue := range map[string]bool{"Write": false, "Queue": true} {
		t.Run(name, func(t *testing.T) {
			l := start(t, netpoll.Options{})
			peer := relay(t, l, queue)
			msg, back := make([]byte, 125), make([]byte, 125)
			for range 100 {
				roundTrip(t, peer, msg, back)
			}
			const messages = 2000
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range messages {
				roundTrip(t, peer, msg, back)
			}
			runtime.ReadMemStats(&after)
			// The runtime itself allocates a little meanwhile, but not for each message.
			if n := after.Mallocs - before.Mallocs; n > messages/20 {
				t.Errorf("%d allocations for %d messages", n, messages)
			}
		})
	}
}
