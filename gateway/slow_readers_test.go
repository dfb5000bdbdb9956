package gateway_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// stall is how long a writer makes no progress before it counts as held back.
const stall = 250 * time.Millisecond

// ownFrames is room for frames that the gateway puts in behind a full queue, and for a header kept back.
const ownFrames = 256

// pattern is a frame as p sends it, in which no two stretches are alike.
func pattern(p *peer) []byte {
	payload := make([]byte, 10007)
	for i := range payload {
		payload[i] = byte(i * i >> 3)
	}
	return p.encode(ws.NewBinaryFrame(payload))
}

// stuff fills what lies between p and a peer that does not read, and returns the bytes sent.
func (p *peer) stuff(to *peer, unit []byte) (sent int) {
	p.t.Helper()
	_ = to.tcp.SetReadBuffer(128 << 10) // no growing; still more than a segment of loopback, or TCP creeps
	_ = p.tcp.SetWriteBuffer(128 << 10)
	sent, err := p.fill(unit)
	if err != nil {
		p.t.Fatal(err)
	}
	return sent
}

// finish reads at last: all that was sent arrives, byte for byte, with the rest of the last unit and one more.
func (p *peer) finish(to *peer, unit []byte, sent int) {
	p.t.Helper()
	wrote := make(chan error, 1)
	go func() {
		_ = p.conn.SetWriteDeadline(time.Now().Add(patience))
		_, err := p.conn.Write(append(bytes.Clone(unit[sent%len(unit):]), unit...))
		wrote <- err
	}()
	got := make([]byte, len(unit))
	_ = to.conn.SetReadDeadline(time.Now().Add(2 * patience))
	for i := range sent/len(unit) + 2 {
		if _, err := io.ReadFull(to.in, got); err != nil || !bytes.Equal(got, unit) {
			p.t.Fatalf("unit %d did not arrive whole: %v", i, err)
		}
	}
	if err := <-wrote; err != nil {
		p.t.Fatal(err)
	}
}

// TestSlowReaders puts readers that do not read behind writers that do not stop, both ways. The gateway keeps no
// more than the watermark for each, others do not notice, and in the end every byte arrives.
func TestSlowReaders(t *testing.T) {
	t.Parallel()
	const stuck = 2
	for _, c := range []struct {
		name     string
		byClient bool
		change   func(*config.Config)
	}{
		{"client does not read", false, nil},
		{"backend does not read", true, nil},
		{"small watermarks", false, func(cfg *config.Config) { cfg.ReadBuffer, cfg.HighWater, cfg.LowWater = 4096, 8192, 0 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			high := config.Default().HighWater
			b := listen(t)
			g := start(t, func(cfg *config.Config) {
				if c.change != nil {
					c.change(cfg)
				}
				high = cfg.HighWater
			}, b.url())
			var from, to [stuck]*peer
			var units [stuck][]byte
			var sent [stuck]int
			for i := range stuck {
				from[i], to[i] = session(t, g, b)
				if !c.byClient {
					from[i], to[i] = to[i], from[i]
				}
				units[i] = pattern(from[i])
				sent[i] = from[i].stuff(to[i], units[i])
			}
			if n := metric(t, g, "weir_buffered_bytes"); n == 0 || n > stuck*float64(high+ownFrames) {
				t.Errorf("%v bytes are buffered for %d sessions of %v each", n, stuck, high)
			}
			roundTrips(t, g, b, 100)
			for i := range stuck {
				from[i].finish(to[i], units[i], sent[i])
			}
			wantMetric(t, g, "weir_buffered_bytes", 0)
		})
	}
}

// roundTrips opens a session of its own and sends messages there and back.
func roundTrips(t *testing.T, g *rig, b *backend, n int) {
	t.Helper()
	client, server := session(t, g, b)
	for range n {
		client.send(ws.OpText, "there")
		server.want(ws.OpText, "there")
		server.send(ws.OpText, "back")
		client.want(ws.OpText, "back")
	}
}

// TestStuckSessionEnds as any other: what waits for the one that does not read is dropped with it.
func TestStuckSessionEnds(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { cfg.CloseTimeout = 200 * time.Millisecond }, b.url())
	client, server := session(t, g, b)
	server.stuff(client, pattern(server))
	client.reset()
	server.rest()
	wantMetric(t, g, "weir_buffered_bytes", 0)

	client, server = session(t, g, b)
	client.stuff(server, pattern(client))
	client.reset()
	server.rest() // what a client said before it broke off is still delivered
	wantMetric(t, g, "weir_buffered_bytes", 0)
	wantMetric(t, g, "weir_client_connections", 0)
}

// TestBackendDiesBehindASlowClient: what it had sent is delivered first.
func TestBackendDiesBehindASlowClient(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, nil, b.url())
	client, server := session(t, g, b)
	unit := pattern(server)
	sent := server.stuff(client, unit)
	_ = server.conn.CloseWrite()
	got, want := client.rest(), sent
	if len(got) != want && !(sent%len(unit) == 0 && len(got) == want+4) { // between frames a close frame can be put in
		t.Errorf("%d bytes arrived of %d", len(got), want)
	}
	for i := 0; i+len(unit) <= len(got); i += len(unit) {
		if !bytes.Equal(got[i:i+len(unit)], unit) {
			t.Fatalf("the frame at %d is not as it was sent", i)
		}
	}
}
