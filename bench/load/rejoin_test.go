//go:build linux

package load_test

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"weir/bench/load"
)

// Clients of a server that dies come to another one; no message that was due meanwhile is forgotten.
func TestRejoinAnother(t *testing.T) {
	for name, threads := range map[string]int{"one loop": 1, "two loops": 2} {
		t.Run(name, func(t *testing.T) {
			first, stop := backend(t)
			second, _ := backend(t)
			crowd := open(t, load.Config{Target: first, Others: []load.Target{second}, Conns: 20, Threads: threads})
			w := load.Window{Warmup: 50 * time.Millisecond, Duration: time.Minute, Begin: stop}
			r, err := crowd.Rejoin(t.Context(), load.Rejoin{Size: 125, Rate: 50, Jitter: 300 * time.Millisecond, Once: true, Window: w})
			if err != nil || r.Err() != nil {
				t.Fatal(err, r.Err())
			}
			if r.Back() != 20 || r.Moved != 20 || r.Codes[load.CodeAbnormal] != 20 || len(r.Codes) != 1 {
				t.Errorf("%d came back, %d of them for the first time; codes %v", r.Back(), r.Moved, r.Codes)
			}
			if r.Elapsed > 30*time.Second {
				t.Errorf("all were back, and it lasted %v", r.Elapsed)
			}
			if r.Longest <= 0 || r.Longest > r.Span+time.Second || r.Span <= 0 {
				t.Errorf("longest gap %v within %v", r.Longest, r.Span)
			}
			// Who waited has messages that were due, and their latency tells of the wait.
			if max := time.Duration(r.Latency.Max()); max < r.Longest/2 {
				t.Errorf("a gap of %v, but no echo later than %v", r.Longest, max)
			}
			due := int64(20 * 50 * r.Elapsed.Seconds())
			if n := r.Latency.TotalCount() + r.Unechoed; n < due-60 || n > due+60 {
				t.Errorf("%d latencies and %d messages lost, of about %d due", r.Latency.TotalCount(), r.Unechoed, due)
			}
		})
	}
}

// A server that closes its clients in turn sees its close frames answered, and their codes are told.
func TestRejoinTheSame(t *testing.T) {
	var lives, answered atomic.Int64
	target := serveConn(t, func(ctx context.Context, c *websocket.Conn) {
		life := lives.Add(1)
		for n := 0; ; n++ {
			kind, b, err := c.Read(ctx)
			if err != nil || c.Write(ctx, kind, b) != nil {
				return
			}
			if life <= 4 && n == 2 {
				code := websocket.StatusGoingAway
				if life == 4 {
					code = websocket.StatusServiceRestart
				}
				if c.Close(code, "bye") == nil {
					answered.Add(1)
				}
				return
			}
		}
	})
	crowd := open(t, load.Config{Target: target, Conns: 4})
	r, err := crowd.Rejoin(t.Context(), load.Rejoin{Size: 30, Rate: 100, Window: load.Window{Duration: 400 * time.Millisecond}})
	if err != nil || r.Err() != nil {
		t.Fatal(err, r.Err())
	}
	if r.Back() != 4 || r.Codes[1001] != 3 || r.Codes[1012] != 1 || len(r.Codes) != 2 || answered.Load() != 4 {
		t.Errorf("%d came back; codes %v, %d of them answered", r.Back(), r.Codes, answered.Load())
	}
}

// Nobody loses a connection: nothing to tell of, and nothing wrong.
func TestRejoinNobody(t *testing.T) {
	target, _ := backend(t)
	crowd := open(t, load.Config{Target: target, Conns: 4})
	r, err := crowd.Rejoin(t.Context(), load.Rejoin{Size: 30, Rate: 100, Window: load.Window{Duration: 200 * time.Millisecond}})
	if err != nil || r.Err() != nil || r.Ops == 0 || r.Back() != 0 || r.Span != 0 || len(r.Codes) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := crowd.Rejoin(t.Context(), load.Rejoin{Size: 30, Window: short}); err == nil {
		t.Error("a talk without a rate was begun")
	}
}

// A client that ends its connection because of a wrong echo was not closed by the other side, so no code is told.
func TestRejoinAfterAWrongEcho(t *testing.T) {
	var lives atomic.Int64
	target := serveConn(t, func(ctx context.Context, c *websocket.Conn) {
		wrong := lives.Add(1) == 1
		for {
			kind, b, err := c.Read(ctx)
			if wrong {
				b = []byte("something else")
			}
			if err != nil || c.Write(ctx, kind, b) != nil {
				return
			}
		}
	})
	crowd := open(t, load.Config{Target: target, Conns: 1})
	r, err := crowd.Rejoin(t.Context(), load.Rejoin{Size: 30, Rate: 100, Window: load.Window{Duration: 300 * time.Millisecond}})
	if err != nil || r.Faults[load.FaultMismatch] != 1 || r.Back() != 1 || len(r.Codes) != 0 {
		t.Errorf("faults %v, %d came back, codes %v, %v", r.Faults, r.Back(), r.Codes, err)
	}
}

// Clients with nowhere to go keep trying, at a bounded pace, and are told of; so are those whose
// handshakes are never answered.
func TestRejoinNowhere(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	go answer(silent, "-")
	mute, err := load.ParseTarget("ws://" + silent.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		others []load.Target
		cause  string // of the first attempt
	}{"nobody there": {nil, "connection refused"}, "no answer": {[]load.Target{mute, mute, mute}, "handshake timed out"}} {
		t.Run(name, func(t *testing.T) {
			target, stop := backend(t)
			crowd := open(t, load.Config{Target: target, Others: tc.others, Conns: 5, Patience: 100 * time.Millisecond})
			r, err := crowd.Rejoin(t.Context(), load.Rejoin{
				Size: 30, Rate: 100, Jitter: 40 * time.Millisecond,
				Window: load.Window{Duration: time.Second, Begin: stop},
			})
			if err != nil || r.Faults[load.FaultAway] != 5 || !strings.Contains(r.Err().Error(), "5 of 5") || !strings.Contains(r.Err().Error(), tc.cause) {
				t.Errorf("%v, %v", err, r.Err())
			}
			if r.Refusals < 5 || r.Refusals > 500 || r.Longest < time.Second/2 {
				t.Errorf("%d attempts in vain, longest gap %v", r.Refusals, r.Longest)
			}
		})
	}
}
