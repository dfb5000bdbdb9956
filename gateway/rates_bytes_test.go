package gateway_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
	"weir/gateway/rate"
)

// Sessions share the bytes of their user, address or route: what one has spent the other waits for.
func TestSharedByteRates(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]func(*config.Config) *rate.Limit{
		"session": func(c *config.Config) *rate.Limit { return &c.ByteRate },
		"user":    func(c *config.Config) *rate.Limit { return &c.ByteRateUser },
		"address": func(c *config.Config) *rate.Limit { return &c.ByteRateIP },
		"route":   func(c *config.Config) *rate.Limit { return &c.ByteRateRoute },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := listen(t)
			g := rated(t, b, func(cfg *config.Config) {
				takeTokens(t, cfg)
				*of(cfg) = limit(t, "20B/3h burst 20B")
			})
			first, firstBack, _ := enter(t, g, b, handshake("/", bearer(token(t, "HS256", nil))))
			second, secondBack, _ := enter(t, g, b, handshake("/", bearer(token(t, "HS256", nil))))
			defer func() { // else the drain waits for them
				_, _, _, _ = first.conn.Close(), firstBack.conn.Close(), second.conn.Close(), secondBack.conn.Close()
			}()
			first.send(ws.OpText, "more than twenty bytes")
			firstBack.want(ws.OpText, "more than twenty bytes") // it was read when it was counted
			second.send(ws.OpText, "one")
			secondBack.want(ws.OpText, "one")
			second.send(ws.OpText, "two")
			if name == "session" {
				secondBack.want(ws.OpText, "two")
				return
			}
			_ = secondBack.conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
			if n, err := secondBack.conn.Read(make([]byte, 64)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%d bytes passed, error %v", n, err)
			}
		})
	}
}
