package gateway_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// own is room for what a test itself keeps for a session, two buffered readers and a goroutine, and for what Go adds.
const own = 48 << 10

// TestManySlowClients wait: what the gateway keeps for them is their number times the bound, and others do not notice.
func TestManySlowClients(t *testing.T) {
	const n = 100
	for _, name := range []string{"tunnel", "pool"} {
		t.Run(name, func(t *testing.T) {
			r := startWay(t, name, nil)
			before := heap()
			filled := make(chan error, n)
			unit := someFrames()
			for range n {
				_, server := r.slowSession()
				go func() {
					_, err := server.fill(unit)
					filled <- err
				}()
			}
			for range n {
				if err := <-filled; err != nil {
					t.Fatal(err)
				}
			}
			high := float64(config.Default().HighWater)
			if kept := metric(t, r, "weir_buffered_bytes"); kept == 0 || kept > n*(high+ownFrames) {
				t.Errorf("%v bytes are buffered for %d sessions of %v each", kept, n, high)
			}
			if grown := heap() - before; grown > n*(2*int64(high)+own) { // a buffer's room may be twice what is in it
				t.Errorf("the heap grew by %d bytes", grown)
			}
			r.roundTrips(100)
		})
	}
}

// roundTrips opens a session of its own and sends messages there and back, which are JSON.
func (r *rig) roundTrips(n int) {
	r.t.Helper()
	client, server := r.session()
	for range n {
		client.send(ws.OpText, `"there"`)
		server.want(ws.OpText, `"there"`)
		server.send(ws.OpText, "back")
		client.want(ws.OpText, "back")
	}
	_, _ = client.conn.Close(), server.conn.Close()
}

// TestManyDroppedClients have backends that never stop, which are not held back, and yet memory has its bound.
func TestManyDroppedClients(t *testing.T) {
	const n, perClient = 100, 1 << 18
	for _, name := range []string{"tunnel", "pool"} {
		t.Run(name, func(t *testing.T) {
			r := startWay(t, name, dropping)
			before, resident := heap(), rss(t)
			var ends []chan struct{}
			var servers []*peer
			unit := ws.MustCompileFrame(ws.NewTextFrame([]byte(numbered(1, 1000))))
			for range n {
				_, server := r.slowSession()
				ends, servers = append(ends, server.flood(unit)), append(servers, server)
			}
			for began := time.Now(); metric(t, r, shedMessages) < n*perClient/float64(len(unit)); time.Sleep(20 * time.Millisecond) {
				if time.Since(began) > 4*patience {
					t.Fatal("messages are not left out")
				}
			}
			if kept := metric(t, r, "weir_buffered_bytes"); kept > n*2*(16<<10) {
				t.Errorf("%v bytes are buffered for %d sessions", kept, n)
			}
			if grown := heap() - before; grown > n*(4*16<<10+own) {
				t.Errorf("the heap grew by %d bytes", grown)
			}
			if grown := rss(t) - resident; grown > 192<<20 { // the race detector keeps several bytes for each
				t.Errorf("%d bytes more are resident", grown)
			}
			r.roundTrips(20)
			for i, server := range servers {
				_ = server.conn.Close()
				await(t, ends[i], "the end of a backend")
			}
		})
	}
}

// rss is the memory that the process has from the system; 0 where that does not show it.
func rss(t testing.TB) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return int64(pages) * int64(os.Getpagesize())
}
