//go:build !race

// The race detector has pools of buffers forget some of what they are given.

package gateway_test

import (
	"io"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// TestNoAllocationPerRatedMessage is TestNoAllocationPerMessage with all rates on, for each thing that befalls messages.
func TestNoAllocationPerRatedMessage(t *testing.T) {
	for _, action := range []config.RateAction{config.RateClose, config.RateDrop, config.RatePause} {
		const messages = 2000
		b := listen(t)
		g := start(t, func(cfg *config.Config) {
			takeTokens(t, cfg)
			cfg.RateAction, cfg.Messages = action, config.MessagesBinary
			ample := limit(t, "1000000/s")
			cfg.MessageRate, cfg.MessageRateUser, cfg.MessageRateIP, cfg.MessageRateRoute, cfg.ByteRate = ample, ample, ample, ample, limit(t, "1GiB/s")
			if action == config.RateDrop {
				cfg.MessageRate = limit(t, "1000/3h burst 2200") // and all that follow are dropped
			}
		}, b.url())
		client, server, _ := enter(t, g, b, handshake("/", bearer(token(t, "HS256", nil))))
		up, down := client.encode(ws.NewBinaryFrame(make([]byte, 125))), server.encode(ws.NewBinaryFrame(make([]byte, 125)))
		ping := client.encode(ws.NewPingFrame(make([]byte, 125))) // as long as a message, and never dropped
		_ = client.conn.SetDeadline(time.Now().Add(2 * patience))
		_ = server.conn.SetDeadline(time.Now().Add(2 * patience))
		served := server.answerEach(len(up), down)
		in := make([]byte, len(down))
		echoes := func(n int, what ...[]byte) {
			for range n {
				for _, b := range what {
					if _, err := client.conn.Write(b); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := io.ReadFull(client.conn, in); err != nil {
					t.Fatal(err)
				}
			}
		}
		count := func(n int, what ...[]byte) {
			t.Helper()
			if allocated := fewestAllocations(n, func(n int) { echoes(n, what...) }); allocated > n/stretches/50 { // what the runtime does for itself
				t.Errorf("%s: %d allocations for %d messages each way", action, allocated, n/stretches)
			}
		}
		echoes(200, up)
		count(messages, up)
		if action == config.RateDrop {
			count(messages, up, up, up, ping)
			wantMetric(t, g, `weir_messages_dropped_total{reason="message_rate"}`, 3*messages)
		}
		_, _ = client.conn.Close(), server.conn.Close()
		<-served
	}
}
