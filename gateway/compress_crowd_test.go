package gateway_test

import (
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// TestPressBombsOfMany: sessions that have a few bytes become many for backends that do not read. What waits is bounded
// for all of them together; who finds no room is closed in order, and the others lose nothing.
func TestPressBombsOfMany(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			const sessions, bombs, each, most = 12, 8, 1 << 20, 2 << 20
			var queue float64
			r := startCompressing(t, way, func(cfg *config.Config) {
				cfg.GatherMemory, cfg.CloseTimeout = most, patience
				queue = float64(cfg.HighWater)
			})
			var clients, servers [sessions]*peer
			for i := range sessions {
				clients[i], servers[i] = r.compressedSession()
				for n := range bombs {
					clients[i].put(clients[i].pressed(bomb(1, byte(n))))
				}
			}
			wantStill(t, r, `weir_inflate_bytes_total{side="out"}`)
			if n := metric(t, r, "weir_buffered_bytes"); n > sessions*queue+most+each {
				t.Errorf("%v bytes wait for %d backends", n, sessions)
			}
			if n := metric(t, r, "weir_gathered_bytes"); n > most { // which counts queues of pools too
				t.Errorf("%v bytes count for gather-memory, which is %d", n, most)
			}
			whole := 0
			for i := range sessions {
				if servers[i].wantPrefix(bombs, each) == bombs {
					whole++
				}
				_, _ = clients[i].conn.Close(), servers[i].conn.Close()
			}
			if whole == 0 {
				t.Error("no session got through")
			}
			wantMetric(t, r, "weir_client_connections", 0)
			wantMetric(t, r, "weir_buffered_bytes", 0)
			wantMetric(t, r, "weir_gathered_bytes", 0)
		})
	}
}

// wantPrefix reads some first of the messages bomb(1, 0), bomb(1, 1) and so on, each whole, up to a close frame, the end,
// or the last of them, and tells how many came.
func (k *peer) wantPrefix(most, each int) (n int) {
	k.t.Helper()
	for n < most {
		f, err := k.next()
		if err != nil || f.Header.OpCode == ws.OpClose {
			return n
		}
		if string(f.Payload) != strings.Repeat(string([]byte{byte(n)}), each) {
			k.t.Fatalf("message %d came with %d bytes of %v", n, len(f.Payload), f.Payload[:min(1, len(f.Payload))])
		}
		n++
	}
	return n
}
