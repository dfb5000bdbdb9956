package gateway_test

import (
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"weir/gateway/config"
	"weir/gateway/rate"
)

// TestPressBesideRates: a session that compresses has its messages announced, whatever rates there are.
func TestPressBesideRates(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]func(*config.Config) *rate.Limit{
		"message-rate":       func(cfg *config.Config) *rate.Limit { return &cfg.MessageRate },
		"message-rate-ip":    func(cfg *config.Config) *rate.Limit { return &cfg.MessageRateIP },
		"message-rate-route": func(cfg *config.Config) *rate.Limit { return &cfg.MessageRateRoute },
		"byte-rate":          func(cfg *config.Config) *rate.Limit { return &cfg.ByteRate },
		"byte-rate-ip":       func(cfg *config.Config) *rate.Limit { return &cfg.ByteRateIP },
		"byte-rate-route":    func(cfg *config.Config) *rate.Limit { return &cfg.ByteRateRoute },
		"frame-rate":         func(cfg *config.Config) *rate.Limit { return &cfg.FrameRate },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startCompressing(t, "tunnel", func(cfg *config.Config) { *of(cfg) = limit(t, "100000/s") })
			client, server := r.compressedSession()
			client.send(ws.OpText, "plain")
			server.want(ws.OpText, "plain")
			client.put(client.compressed(ws.OpText, "pressed")[0])
			server.want(ws.OpText, "pressed")
			server.send(ws.OpText, "back")
			client.want(ws.OpText, "back")
		})
	}
}

// TestPressQueuesCount: compressed messages wait for clients that do not read as a whole. What is beyond the share of all
// of them passes as it is, as far as the client takes it.
func TestPressQueuesCount(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			const sessions, each, messages, most = 8, 1 << 20, 6, 1 << 20
			queue := 0
			r := startCompressing(t, way, func(cfg *config.Config) { cfg.GatherMemory = most; queue = int(cfg.HighWater) })
			var clients [sessions]*peer
			for i := range clients {
				var server *peer
				clients[i], server = r.compressedSession()
				frame := frameOf(noise(each))
				go func() {
					for range messages {
						if _, err := server.conn.Write(frame); err != nil {
							return
						}
					}
				}()
			}
			wantStill(t, r, `weir_bytes_total{direction="down"}`)
			if n := metric(t, r, "weir_buffered_bytes"); n > float64(sessions*(queue+64<<10)+most+each) {
				t.Errorf("%v bytes wait for %d clients", n, sessions)
			}
			for _, c := range clients {
				for range messages {
					c.want(ws.OpBinary, noise(each))
				}
				_ = c.conn.Close()
			}
			wantMetric(t, r, "weir_gathered_bytes", 0)
		})
	}
}

// TestJSONQueuesCount: messages that have to be JSON wait for backends that do not read as a whole, compressed or not.
func TestJSONQueuesCount(t *testing.T) {
	t.Parallel()
	const sessions, each, most, queue = 8, 900 << 10, 1 << 20, 128 << 10
	eachBackend(t, func(cfg *config.Config) {
		takeJSON(cfg)
		cfg.GatherMemory, cfg.HighWater = most, queue
	}, func(t *testing.T, r *rig) {
		message := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(`"` + strings.Repeat("x", each) + `"`))))
		for range sessions {
			client, _ := r.session()
			go func() {
				for range 20 { // more than the kernel keeps
					if _, err := client.conn.Write(message); err != nil {
						return
					}
				}
			}()
		}
		wantStill(t, r, `weir_bytes_total{direction="up"}`)
		if n := metric(t, r, "weir_buffered_bytes"); n > float64(sessions*(queue+64<<10)+most+each) {
			t.Errorf("%v bytes wait for %d backends", n, sessions)
		}
		if n := metric(t, r, "weir_gathered_bytes"); n > most {
			t.Errorf("%v bytes count for gather-memory", n)
		}
	})
}
