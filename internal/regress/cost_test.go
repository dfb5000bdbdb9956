//go:build linux

package regress

import (
	"bytes"
	"testing"

	"weir/bench/wire"
)

func TestBudgets(t *testing.T) {
	for _, b := range budgets {
		t.Run(b.name, func(t *testing.T) {
			g := start(t, b.way)
			g.crowd(50).bye() // what is made once gets made
			const sessions = 2000
			var all crowd
			idle, routines := g.live(), g.goroutines()
			c := g.measure(sessions, func() { all = g.crowd(sessions) })
			c.heap = float64(g.live()-idle) / sessions
			b.opening.check(t, "opening", c)
			if n := g.goroutines() - routines; n > 4 {
				t.Errorf("%d sessions have %d goroutines", sessions, n)
			}

			b.message.check(t, "message", g.repeat(1000, 1, func() { all[0].say(sent); all[0].hear() }))
			few := all[:100]
			b.batch.check(t, "batch", g.repeat(20, len(few), func() {
				g.asOneBatch(few.say)
				few.hear()
			}))
			const pieces = 64
			one := bytes.Repeat(sent, pieces)
			b.burst.check(t, "burst", g.repeat(50, pieces, func() {
				all[0].say(one)
				for range pieces {
					all[0].hear()
				}
			}))

			c = g.measure(sessions, all.bye)
			g.wantMetric("weir_client_connections", 0)
			c.heap = float64(g.live()-idle) / sessions
			b.ending.check(t, "ending", c)
		})
	}
}

// TestPings has clients pinged that are otherwise silent, and answer.
func TestPings(t *testing.T) {
	for _, pool := range []bool{false, true} {
		g := start(t, way{pool: pool, flags: []string{"--ping-interval=100ms"}})
		all := g.crowd(200)
		round := func() {
			for _, c := range all {
				ping := c.receive(2 + 8)
				c.say(masked(wire.Pong, ping[2:]))
			}
		}
		pings.check(t, "ping", g.repeat(10, len(all), round))
		g.wantMetric("weir_pongs_received_total", int64(11*len(all)))
	}
}
