//go:build linux

package load_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"weir/bench/echo"
	"weir/bench/load"
	"weir/bench/relay"
)

func hall(t *testing.T) (load.Target, func()) {
	target, stop := backend(t)
	target.Path = echo.FanoutPath
	return target, stop
}

func TestFanout(t *testing.T) {
	for name, f := range map[string]load.Fanout{
		"closed":        {Size: 125},
		"closed, large": {Size: 100_000},
		"open":          {Size: 8, Rate: 100},
	} {
		t.Run(name, func(t *testing.T) {
			target, _ := hall(t)
			crowd := open(t, load.Config{Target: target, Conns: 31})
			f.Window = short
			r, err := crowd.Fanout(t.Context(), f)
			if err != nil || r.Err() != nil {
				t.Fatal(err, r.Err())
			}
			if r.Messages == 0 || r.Ops < 30*(r.Messages-1) || r.Ops > 30*(r.Messages+1) { // a message may cross the window's edge
				t.Errorf("%d deliveries of %d messages to 30 clients", r.Ops, r.Messages)
			}
			if f.Rate > 0 && (r.Last.TotalCount() != 30 || r.Latency.TotalCount() != 30*30) {
				t.Errorf("%d and %d latencies, want those of the 30 messages due", r.Last.TotalCount(), r.Latency.TotalCount())
			}
			if r.Last.ValueAtQuantile(50) < r.Latency.ValueAtQuantile(1) || r.Last.Max() != r.Latency.Max() {
				t.Errorf("the last at %d, all up to %d", r.Last.Max(), r.Latency.Max())
			}
			// The crowd is none the worse for it.
			if r, err := crowd.Fanout(t.Context(), f); err != nil || r.Err() != nil || r.Ops == 0 {
				t.Error(r.Ops, err, r.Err())
			}
		})
	}
}

func TestFanoutFails(t *testing.T) {
	cast := load.Fanout{Size: 125, Window: short}
	target, stop := hall(t)
	plain := target
	plain.Path = "/"
	for name, tc := range map[string]struct {
		cfg  load.Config
		size int
		want string
	}{
		"nobody passes it on": {load.Config{Target: plain, Conns: 3}, 125, "nothing was delivered"},
		"nobody listens":      {load.Config{Target: target, Conns: 1}, 125, "two connections"},
		"two loops":           {load.Config{Target: target, Conns: 4, Threads: 2}, 125, "one loop"},
		"no room for numbers": {load.Config{Target: target, Conns: 4}, 7, "8 bytes"},
	} {
		crowd := open(t, tc.cfg)
		if _, err := crowd.Fanout(t.Context(), load.Fanout{Size: tc.size, Window: load.Window{Duration: 100 * time.Millisecond}}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q in it", name, err, tc.want)
		}
	}
	crowd := open(t, load.Config{Target: target, Conns: 5})
	cast.Duration = time.Minute
	cast.Begin = func() { time.AfterFunc(100*time.Millisecond, stop) }
	r, err := crowd.Fanout(t.Context(), cast)
	if err == nil || r.Ops == 0 || r.Faults[load.FaultClosed] == 0 || r.Elapsed > 30*time.Second {
		t.Errorf("the server died: %d deliveries, %v, %v", r.Ops, r.Faults, err)
	}
}

// A listener that is lost is a fault, and the others are served on. The server sends the author its
// own messages too, which are not counted.
func TestFanoutGoesOn(t *testing.T) {
	var mu sync.Mutex
	members := map[*websocket.Conn]bool{}
	said := 0
	target := serveConn(t, func(ctx context.Context, c *websocket.Conn) {
		mu.Lock()
		members[c] = true
		mu.Unlock()
		for {
			kind, b, err := c.Read(ctx)
			if err != nil {
				return
			}
			mu.Lock()
			said++
			for m := range members {
				if said == 10 && m != c {
					m.CloseNow()
					delete(members, m)
					said++
					continue
				}
				m.Write(ctx, kind, b)
			}
			mu.Unlock()
		}
	})
	for name, rate := range map[string]float64{"closed": 0, "open": 200} {
		mu.Lock()
		clear(members)
		said = 0
		mu.Unlock()
		crowd := open(t, load.Config{Target: target, Conns: 5})
		for there := 0; there < 5; time.Sleep(time.Millisecond) { // the last one's handler may not have run yet
			mu.Lock()
			there = len(members)
			mu.Unlock()
		}
		r, err := crowd.Fanout(t.Context(), load.Fanout{Size: 50, Rate: rate, Window: short})
		if err != nil || len(r.Faults) != 1 || r.Faults[load.FaultClosed] != 1 {
			t.Errorf("%s: %v, %v", name, err, r.Faults)
		}
		if r.Messages < 20 || r.Ops < 3*(r.Messages-10) || r.Ops > 4*(r.Messages+1) {
			t.Errorf("%s: %d deliveries of %d messages", name, r.Ops, r.Messages)
		}
	}
}

// Load, relay and backend together allocate for a message, but not for a delivery.
func TestFanoutOverARelay(t *testing.T) {
	direct, _ := hall(t)
	server, err := relay.Serve(anyPort, direct.Addr)
	relayed, _ := running(t, server, err)
	relayed.Path = direct.Path
	crowd := open(t, load.Config{Target: relayed, Conns: 101})
	perDelivery := allocations(t, func(w load.Window) int64 {
		r, err := crowd.Fanout(t.Context(), load.Fanout{Size: 125, Window: w})
		if err != nil || r.Err() != nil {
			t.Fatal(err, r.Err())
		}
		return r.Ops
	})
	if perDelivery > 0.2 {
		t.Errorf("%.2f allocations a delivery", perDelivery)
	}
}
