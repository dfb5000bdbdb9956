package interop

import (
	"fmt"
	"testing"

	"weir/gateway/config"
	"weir/upstream/accept"
)

// TestPoolEcho plays with backends that tell nothing but answer what they are sent, with every client.
func TestPoolEcho(t *testing.T) {
	for _, backend := range echoBackends {
		t.Run(backend.name, func(t *testing.T) {
			t.Parallel()
			url := "ws://" + backend.start(t)
			f := pools(t, url)
			neighbour := mustDial(t, f)
			for _, client := range implementations {
				t.Run(client.name, func(t *testing.T) {
					playEcho(t, f, client.peer(t))
					neighbour.roundTrip(t, "still here")
				})
			}
		})
	}
}

func playEcho(t *testing.T, f *Front, client *Peer) {
	t.Run("messages", func(t *testing.T) {
		c, answer := client.Dial(t, command{URL: f.url("/room/7?seat=a%20b"), Protocols: []string{"red", "blue"}})
		if c == nil || answer.Protocol != "blue" {
			t.Fatalf("status %d, subprotocol %q", answer.Status, answer.Protocol)
		}
		for _, cmd := range []command{
			{Kind: "text", Size: 1}, {Kind: "binary", Size: 125}, {Kind: "text", Size: 126}, {Kind: "binary", Size: 65_536},
			{Kind: "text", Size: 300, Fragments: 30}, {Kind: "binary", Size: 100_000, Fragments: 10}, {Kind: "binary", Size: 1 << 20},
		} {
			cmd.Do = "send"
			sent := c.do(t, cmd)
			if got, _ := c.Expect(t, "message"); got.Kind != cmd.Kind || got.Size != cmd.Size || got.Hash != sent.Hash {
				t.Errorf("%s of %d bytes came back as %s of %d bytes", cmd.Kind, cmd.Size, got.Kind, got.Size)
			}
		}
		asked := c.do(t, command{Do: "ping", Payload: "p"})
		if pong, _ := c.Expect(t, "pong"); asked.Payload != "" && pong.Payload != "p" {
			t.Errorf("pong %q", pong.Payload)
		}
		c.do(t, command{Do: "close", Code: 1000, Reason: "done"})
		if got, _ := c.Expect(t, "close"); got.Code != 1000 {
			t.Errorf("closed with %d", got.Code)
		}
	})
	t.Run("refused", func(t *testing.T) {
		if c, answer := client.Dial(t, command{URL: f.url("/refused")}); c != nil || answer.Status != 403 {
			t.Errorf("connected: %v, status %d", c != nil, answer.Status)
		}
	})
}

// TestPoolBackendCloses: the backend's code and reason reach the client.
func TestPoolBackendCloses(t *testing.T) {
	for _, backend := range echoBackends {
		t.Run(backend.name, func(t *testing.T) {
			t.Parallel()
			c := mustDial(t, pools(t, "ws://"+backend.start(t)))
			c.text(t, "close 4001 enough")
			expectClose(t, c, 4001)
		})
	}
}

// TestPoolHealthPath: a health check with a path is a GET over HTTP/2.
func TestPoolHealthPath(t *testing.T) {
	for _, backend := range echoBackends[1:] { // a bare listener has no paths
		t.Run(backend.name, func(t *testing.T) {
			t.Parallel()
			f := poolsTuned(t, func(c *config.Config) { c.HealthInterval, c.HealthPath = config.Default().HealthInterval, "/health" }, "ws://"+backend.start(t))
			awaitEndpoint(t, f, "healthy", "")
		})
	}
}

// TestPoolManyStreams: 100 clients over connections of at most 10 streams are 10 connections.
func TestPoolManyStreams(t *testing.T) {
	for _, c := range []struct {
		name    string
		backend func(testing.TB) string
		atMost  int
	}{
		{"the gateway's bound", startNetHTTP, 10},
		{"the backend's bound", func(t testing.TB) string { return startAcceptEcho(t, accept.Options{MaxStreams: 10}) }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := poolsTuned(t, func(cfg *config.Config) { cfg.PoolMaxStreams = c.atMost }, "ws://"+c.backend(t))
			var clients []rawClient
			for range 100 {
				clients = append(clients, mustDial(t, f))
			}
			for i, c := range clients {
				c.roundTrip(t, fmt.Sprint("client ", i))
			}
			awaitMetric(t, f, 10, "weir_pool_connections")
		})
	}
}
