package gateway_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"weir/gateway/admin"
)

// TestRebalance: backends join, and open sessions move to them until shares are within the limit; none is closed.
func TestRebalance(t *testing.T) {
	t.Parallel()
	for _, balance := range []string{"least", "hash"} {
		t.Run(balance, func(t *testing.T) {
			t.Parallel()
			const sessions = 60
			var backends []string
			for range 4 {
				backends = append(backends, echo(t))
			}
			text := "http: false\nhash-on: path\non-backend-loss: reopen\nrebalance: 1000%/min\nbalance: " + balance + "\nupstream: ["
			g := startReloading(t, text+strings.Join(backends[:2], ", ")+"]\n")
			var clients []*peer
			for i := range sessions {
				c := connect(t, g)
				c.write(handshake(fmt.Sprint("/", i)))
				c.wantStatus(101)
				clients = append(clients, c)
			}
			g.to(text + strings.Join(backends, ", ") + "]\n")
			settled := func() bool {
				var sum admin.Summary
				wantJSON(t, g, "/sessions", &sum)
				var counts []int64
				for _, b := range backends {
					counts = append(counts, sum.PerEndpoint[b])
				}
				if balance == "hash" { // each key where it belongs: near 15 each
					return slices.Min(counts) >= 5
				}
				return slices.Min(counts) >= 13 && slices.Max(counts) <= 17
			}
			if !eventually(settled) {
				t.Fatalf("sessions by backend: %v", sessionsOf(t, g, backends))
			}
			for _, c := range clients {
				c.send(1, "still here")
				c.want(1, "still here")
			}
			wantMetric(t, g, "weir_sessions_open", sessions)
		})
	}
}

// TestRebalanceCloses sessions that cannot be moved, with a reason of their own.
func TestRebalanceCloses(t *testing.T) {
	t.Parallel()
	backends := []string{echo(t), echo(t)}
	text := "http: false\nrebalance: 1000%/min\nbalance: least\ndrain-code: 1012\nupstream: [" + backends[0]
	g := startReloading(t, text+"]\n")
	g.openMany(10)
	g.to(text + ", " + backends[1] + "]\n")
	if !eventually(func() bool { return metric(t, g, `weir_sessions_closed_total{reason="rebalance",code="1012"}`) >= 5 }) {
		t.Error("the sessions of a backend that has them all were not closed")
	}
}
