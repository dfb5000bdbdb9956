package gateway_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// TestPressRates: compressed messages count as others do, whether they are dropped, held back, or come in fragments.
func TestPressRates(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			r := startCompressing(t, way, func(cfg *config.Config) {
				cfg.MessageRate, cfg.RateAction = limit(t, "2/3h burst 2"), config.RateDrop
			})
			client, server := r.compressedSession()
			ping := client.encode(ws.NewPingFrame([]byte("p")))
			in := func(message string) []byte { return bytes.Join(client.compressed(ws.OpText, message, 2, 3), ping) }
			client.put(in("one"), in("two"), in("three"), client.compressed(ws.OpText, "four")[0], ping, ping)
			for _, want := range []string{"p", "p", "one", "p", "p", "two", "p", "p", "p", "p"} {
				if f, err := server.next(); err != nil || string(f.Payload) != want {
					t.Fatalf("wanted %q, got %q, %v", want, f.Payload, err)
				}
			}
			wantMetric(t, r, `weir_messages_dropped_total{reason="message_rate"}`, 2)

			r = startCompressing(t, way, func(cfg *config.Config) {
				cfg.MessageRate, cfg.RateAction = limit(t, "20/s burst 2"), config.RatePause
			})
			client, server = r.compressedSession()
			began := time.Now()
			var all [][]byte
			for range 4 {
				all = append(all, client.compressed(ws.OpText, "paced", 2, 3)...)
				all = append(all, client.compressed(ws.OpText, "too")...)
			}
			client.put(all...)
			for range 4 {
				server.want(ws.OpText, "paced")
				server.want(ws.OpText, "too")
			}
			if took := time.Since(began); took < 280*time.Millisecond { // 6 at 20/s
				t.Errorf("8 messages took %v", took)
			}

			r = startCompressing(t, way, func(cfg *config.Config) { cfg.MessageRate = limit(t, "1/3h") })
			client, server = r.compressedSession()
			client.put(in("one"), in("two"))
			for _, want := range []string{"p", "p", "one"} {
				if f, err := server.next(); err != nil || string(f.Payload) != want {
					t.Fatalf("wanted %q, got %q, %v", want, f.Payload, err)
				}
			}
			server.wantClose(1008)
			client.wantClose(1008)
		})
	}
}
