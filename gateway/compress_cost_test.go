package gateway_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// compressedFrame is a message of a payload that is compressed already.
func (k *peer) compressedFrame(payload []byte) []byte {
	f := ws.NewFrame(ws.OpText, true, payload)
	f.Header.Rsv = ws.Rsv(true, false, false)
	return k.encode(f)
}

// Many clients with a bomb each, within the limit of one message, before backends that take nothing: what is kept of all
// of them has an end as well.
func TestBombsTogether(t *testing.T) {
	r := startCompressing(t, "tunnel", func(cfg *config.Config) { cfg.GatherMemory = 1 << 20 })
	const clients = 12
	sent := 0
	for range clients {
		client, _ := r.compressedSession()
		b := client.compressedFrame(bomb(16, 'x'))
		client.put(b)
		sent += len(b)
		wantMetric(t, r, `weir_bytes_total{direction="up"}`, float64(sent))
	}
	const bound = clients*(128<<10) + 17<<20 // high-water of each, and one message on its way
	if kept := metric(t, r, "weir_buffered_bytes"); kept > bound {
		t.Errorf("%.0f bytes are kept of the %d that were sent, want at most %d", kept, sent, bound)
	}
}

// What the windows of a pooled stream hold back is not moved for each of its WINDOW_UPDATEs.
func TestBombThroughAPool(t *testing.T) {
	const size = 16 // MiB
	busy := func(way string) float64 {
		r := startCompressing(t, way, func(cfg *config.Config) { cfg.MaxMessageSize = size << 20 })
		client, back := r.compressedSession()
		before := metric(t, r, `weir_loop_busy_seconds_total{loop="0"}`)
		client.put(client.compressedFrame(bomb(size, 'x')))
		if f, err := back.next(); err != nil || len(f.Payload) != size<<20 {
			t.Fatalf("%d bytes, error %v", len(f.Payload), err)
		}
		return metric(t, r, `weir_loop_busy_seconds_total{loop="0"}`) - before
	}
	var tunnel, pool float64
	for range 4 { // other tests have the processors now and then
		if tunnel, pool = busy("tunnel"), busy("pool"); pool <= 4*tunnel {
			return
		}
	}
	t.Errorf("the loop is busy for %.2f s with a pool, %.2f s with a tunnel", pool, tunnel)
}

// A message that is costly to inflate, and comes to nothing, does not hold up the others of its loop.
func TestCodeTablesAlone(t *testing.T) {
	r := startCompressing(t, "tunnel", nil)
	client, _ := r.compressedSession()
	other, back := r.compressedSession()
	tables := eightTables()
	client.put(client.compressedFrame(append(bytes.Repeat(tables, 16<<20/len(tables)-1), 0)))
	var worst time.Duration
	for range 100 {
		began := time.Now()
		other.send(ws.OpText, "hello")
		back.want(ws.OpText, "hello")
		worst = max(worst, time.Since(began))
	}
	if worst > 500*time.Millisecond {
		t.Errorf("another session's message took %v", worst)
	}
}

// eightTables are dynamic blocks that hold nothing but their end (RFC 1951 section 3.2.7).
func eightTables() []byte {
	var all []byte
	n := 0
	put := func(v, bits int) {
		for i := range bits {
			if n++; n > 8*len(all) {
				all = append(all, 0)
			}
			all[(n-1)/8] |= byte(v>>i&1) << ((n - 1) % 8)
		}
	}
	for range 8 {
		for _, f := range [][2]int{{0, 1}, {2, 2}, {0, 5}, {0, 5}, {14, 4}} { // not final, dynamic, 257 literals, one distance, 18 lengths
			put(f[0], f[1])
		}
		for i := range 18 {
			put(map[int]int{2: 1, 17: 1}[i], 3) // of the symbols 18 and 1
		}
		put(1, 1) // 138 zeros
		put(127, 7)
		put(1, 1) // 118 zeros
		put(107, 7)
		put(0, 3) // the end's and the distance's lengths, then the end
	}
	return all
}
