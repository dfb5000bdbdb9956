//go:build linux

package load_test

import (
	"context"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"weir/bench/load"
)

// Each life is a handshake, its messages, and a close handshake that the server sees.
func TestLives(t *testing.T) {
	var messages, farewells atomic.Int64
	target := serveConn(t, func(ctx context.Context, c *websocket.Conn) {
		for {
			kind, b, err := c.Read(ctx)
			if websocket.CloseStatus(err) == websocket.StatusNormalClosure {
				farewells.Add(1)
			}
			if err != nil || c.Write(ctx, kind, b) != nil {
				return
			}
			messages.Add(1)
		}
	})
	r, err := load.Storm(t.Context(), load.Gale{Target: target, Concurrency: 4, Messages: 3, Size: 20, Window: short})
	if err != nil || r.Err() != nil || r.Ops < 4 || r.Latency.TotalCount() != r.Ops {
		t.Fatalf("%d lives, %d latencies, %v, %v", r.Ops, r.Latency.TotalCount(), err, r.Err())
	}
	if farewells.Load() < r.Ops || messages.Load() < 3*r.Ops {
		t.Errorf("%d messages and %d farewells in %d lives", messages.Load(), farewells.Load(), r.Ops)
	}
}

func TestLivesOverTLS(t *testing.T) {
	direct, _ := backend(t)
	r, err := load.Storm(t.Context(), load.Gale{Target: secured(t, direct, 100, nil), Concurrency: 4, Messages: 3, Size: 20, Window: short})
	if err != nil || r.Err() != nil || r.Ops < 4 {
		t.Fatalf("%d lives, %v, %v", r.Ops, err, r.Err())
	}
}

func TestLivesCutShort(t *testing.T) {
	for name, tc := range map[string]struct {
		reply func(context.Context, *websocket.Conn, []byte) error
		fault load.Fault
	}{
		"no echo, but an end": {func(_ context.Context, c *websocket.Conn, _ []byte) error { return c.CloseNow() }, load.FaultClosed},
		"a close frame":       {func(_ context.Context, c *websocket.Conn, _ []byte) error { return c.Close(1013, "") }, load.FaultClosed},
		"another echo": {func(ctx context.Context, c *websocket.Conn, b []byte) error {
			return c.Write(ctx, websocket.MessageBinary, b[1:])
		}, load.FaultMismatch},
	} {
		target := serveOdd(t, tc.reply)
		r, err := load.Storm(t.Context(), load.Gale{Target: target, Concurrency: 2, Messages: 2, Size: 20, Window: short})
		if err == nil || r.Ops != 0 || r.Faults[tc.fault] == 0 || !strings.Contains(err.Error(), "keep failing") {
			t.Errorf("%s: %d lives, %v, %v", name, r.Ops, r.Faults, err)
		}
	}
}

// A life that does not end is a fault, though the others go on.
func TestOneLifeWithoutEnd(t *testing.T) {
	var lives atomic.Int64
	target := serveConn(t, func(ctx context.Context, c *websocket.Conn) {
		if lives.Add(1) == 1 {
			<-ctx.Done()
		}
		for {
			kind, b, err := c.Read(ctx)
			if err != nil || c.Write(ctx, kind, b) != nil {
				return
			}
		}
	})
	r, err := load.Storm(t.Context(), load.Gale{Target: target, Concurrency: 4, Messages: 1, Size: 20, Window: short})
	if err != nil || r.Ops < 4 || len(r.Faults) != 1 || r.Faults[load.FaultTimeout] != 1 {
		t.Errorf("%d lives, %v, %v; want one that timed out", r.Ops, r.Faults, err)
	}
}

// Clients that ping are answered, or it is a fault.
func TestPings(t *testing.T) {
	target, _ := backend(t)
	crowd := open(t, load.Config{Target: target, Conns: 10, Threads: 2, Ping: 200 * time.Millisecond})
	r, err := crowd.Hold(t.Context(), time.Second)
	if err != nil || r.Err() != nil || r.Pongs < 40 || r.Pongs > 60 {
		t.Errorf("%d pongs, want about 50; %v, %v", r.Pongs, err, r.Err())
	}
	silent := serveConn(t, func(ctx context.Context, c *websocket.Conn) { <-ctx.Done() }) // it does not even read
	crowd = open(t, load.Config{Target: silent, Conns: 2, Ping: 50 * time.Millisecond})
	if r, err := crowd.Hold(t.Context(), 300*time.Millisecond); err != nil || r.Faults[load.FaultPong] < 2 || r.Pongs != 0 {
		t.Errorf("%d pongs, %v, %v", r.Pongs, err, r.Faults)
	}
}

// A few talk among many, however many loops they are spread over.
func TestActiveShare(t *testing.T) {
	target, _ := backend(t)
	crowd := open(t, load.Config{Target: target, Conns: 12, Threads: 3})
	for _, active := range []int{1, 2, 5} {
		r, err := crowd.Echo(t.Context(), load.Talk{Active: active, Size: 20, Rate: 100, Window: load.Window{Duration: 200 * time.Millisecond}})
		if want := int64(20 * active); err != nil || r.Err() != nil || r.Latency.TotalCount() < want-3 || r.Latency.TotalCount() > want+3 {
			t.Errorf("%d talkers: %d latencies, want %d; %v, %v", active, r.Latency.TotalCount(), want, err, r.Err())
		}
	}
}

func TestCheckPorts(t *testing.T) {
	for raw, many := range map[string]int{"ws://192.0.2.1/": 65536, "ws://[::1]/": 65536, "ws://127.0.0.1/": 250 * 65536} {
		target, err := load.ParseTarget(raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := target.CheckPorts(1000); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
		if err := target.CheckPorts(many); err == nil || !strings.Contains(err.Error(), "ip_local_port_range") {
			t.Errorf("%s: %d connections: %v", raw, many, err)
		}
	}
}

// allocations is how many there are for each op within a window, in this whole process.
func allocations(t *testing.T, run func(load.Window) (ops int64)) float64 {
	t.Helper()
	var before, after runtime.MemStats
	w := short
	w.Begin = func() { runtime.ReadMemStats(&before) }
	w.End = func() { runtime.ReadMemStats(&after) }
	ops := run(w)
	if ops < 500 {
		t.Fatalf("only %d ops", ops)
	}
	return float64(after.Mallocs-before.Mallocs) / float64(ops)
}
