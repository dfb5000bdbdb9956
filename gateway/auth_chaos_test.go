package gateway_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"weir/gateway/config"
	"weir/gateway/routing"
)

const (
	guestCount = 80
	guestBurst = 5 // messages that a route with a rate lets pass, and none after them for hours
)

// TestAdmissionChaos has many clients come with good, bad, late and no credentials to routes with different rates. It
// holds what the backends got against what was sent, and all that is counted has to return to nothing.
func TestAdmissionChaos(t *testing.T) {
	t.Parallel()
	seed := *chaosSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	for round := range uint64(*chaosRounds) {
		for _, drain := range []bool{false, true} {
			t.Run(fmt.Sprintf("seed=%d,drain=%t", seed+round, drain), func(t *testing.T) {
				if *chaosRounds == 1 {
					t.Parallel()
				}
				admissionChaos(t, seed+round, drain)
			})
		}
	}
}

func admissionChaos(t *testing.T, seed uint64, drain bool) {
	var guests [guestCount]guest
	for id := range guests {
		guests[id] = guest{id: id, t: t, rng: rand.New(rand.NewPCG(seed, uint64(id)))}
	}
	b, rng := listen(t), rand.New(rand.NewPCG(seed, guestCount))
	var mu sync.Mutex // of rng
	late := func(answer http.HandlerFunc, most time.Duration) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			wait := time.Duration(rng.Int64N(int64(most)))
			mu.Unlock()
			select {
			case <-time.After(wait):
				answer(w, r)
			case <-r.Context().Done():
			}
		}
	}
	keys := serve(t, false, late(text(keySet(t)), 200*time.Millisecond))
	asked := serve(t, false, late(judge, 150*time.Millisecond))
	g := start(t, func(cfg *config.Config) {
		cfg.Loops, cfg.ReadBuffer, cfg.RateCode = 2, 4<<10, 4003
		cfg.HandshakeTimeout, cfg.BackendTimeout, cfg.IdleTimeout = 200*time.Millisecond, 300*time.Millisecond, 700*time.Millisecond
		cfg.PingInterval, cfg.PongTimeout, cfg.CloseTimeout, cfg.DrainTimeout = 100*time.Millisecond, 300*time.Millisecond, 200*time.Millisecond, 400*time.Millisecond
		cfg.TrustedProxies, cfg.Deny, cfg.ConnectionRate = []string{"127.0.0.1"}, []string{"192.0.2.3"}, limit(t, "1000/s")
		on := func(name string, change func(*config.Config)) {
			addRoute(cfg, name, routing.Match{Prefixes: []string{"/" + name}}, change)
		}
		on("close", func(c *config.Config) {
			c.JWTKeys, c.JWTAlgorithm, c.JWTFrom, c.JWTLeeway = fileOf(t, hmacSecret), []string{"HS256"}, []string{"query:token", "header"}, 0
			c.AuthStrip, c.AuthRefusal, c.MessageRate = true, config.RefuseClose, limit(t, "5/3h")
		})
		on("drop", func(c *config.Config) {
			takeRemote(c, keys)
			c.MessageRate, c.MessageRateRoute, c.RateAction = limit(t, "5/3h"), limit(t, "1000000/s"), config.RateDrop
		})
		on("pause", func(c *config.Config) {
			takeService(c, asked)
			c.AuthTimeout, c.AuthCache = 100*time.Millisecond, time.Second
			c.ByteRate, c.MessageRateIP, c.RateAction = limit(t, "20KiB/s burst 4KiB"), limit(t, "1000/s"), config.RatePause
		})
	}, b.url())
	var all sync.WaitGroup
	all.Go(func() { serveGuests(b.ln, &guests, &all) })
	for id := range guests {
		all.Go(func() { guests[id].visit(g) })
	}
	if drain {
		time.Sleep(time.Duration(rand.New(rand.NewPCG(seed, guestCount+1)).IntN(600)) * time.Millisecond)
		g.Drain()
		await(t, stopped(t, g), "the end")
	} else {
		wantMetric(t, g, "weir_connections_accepted_total", guestCount)
		for _, series := range []string{"weir_client_connections", "weir_sessions_open", "weir_sessions_ending", "weir_buffered_bytes"} {
			wantMetric(t, g, series, 0)
		}
		if metric(t, g, "weir_sessions_opened_total") == 0 {
			t.Error("nobody was let in")
		}
		for _, route := range []string{"close", "drop", "pause"} {
			wantMetric(t, g, fmt.Sprintf(`weir_endpoint_sessions{endpoint=%q,route=%q}`, b.url(), route), 0)
		}
	}
	_ = b.ln.Close()
	all.Wait()
	for id := range guests {
		if err := guests[id].judge(); err != nil {
			t.Errorf("client %d on %s: %v", id, guests[id].route, err)
		}
	}
}
