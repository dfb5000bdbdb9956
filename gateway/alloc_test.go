package gateway_test

import (
	"io"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// TestNoAllocationPerMessage echoes messages through a whole session and counts what the process allocates: gateway,
// client and backend, of which the last two allocate nothing. It is not parallel, as others' would count too.
func TestNoAllocationPerMessage(t *testing.T) {
	for _, size := range []int{1, 125, 4096, 16 << 10} {
		const messages = 5000
		b := listen(t)
		g := start(t, nil, b.url())
		client, server := session(t, g, b)
		up := client.encode(ws.NewBinaryFrame(make([]byte, size)))
		down := server.encode(ws.NewBinaryFrame(make([]byte, size)))
		_ = client.conn.SetDeadline(time.Now().Add(2 * patience))
		_ = server.conn.SetDeadline(time.Now().Add(2 * patience))
		served := server.answerEach(len(up), down)
		in := make([]byte, len(down))
		echoes := func(n int) {
			for range n {
				if _, err := client.conn.Write(up); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(client.conn, in); err != nil {
					t.Fatal(err)
				}
			}
		}
		echoes(200)
		if n := fewestAllocations(messages, echoes); n > messages/stretches/50 { // what the runtime does for itself
			t.Errorf("%d bytes: %d allocations for %d messages each way", size, n, messages/stretches)
		}
		_, _ = client.conn.Close(), server.conn.Close()
		<-served
	}
}

// stretches is how often fewestAllocations measures.
const stretches = 5

// fewestAllocations echoes messages in several stretches and returns what the process allocated in the one with the fewest
// allocations. What messages cost is in each of them; what other goroutines allocate now and then is not.
func fewestAllocations(messages int, echoes func(n int)) int {
	fewest := math.MaxInt
	for range stretches {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		echoes(messages / stretches)
		runtime.ReadMemStats(&after)
		fewest = min(fewest, int(after.Mallocs-before.Mallocs))
	}
	return fewest
}

// answerEach writes down for every size bytes that come, and allocates nothing for it. The channel tells the end.
func (p *peer) answerEach(size int, down []byte) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		in := make([]byte, size)
		for {
			if _, err := io.ReadFull(p.conn, in); err != nil {
				return
			}
			if _, err := p.conn.Write(down); err != nil {
				return
			}
		}
	}()
	return done
}
