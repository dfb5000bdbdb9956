//go:build linux

package load_test

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/bench/echo"
	"weir/bench/epoll"
	"weir/bench/epoll/epolltest"
	"weir/bench/load"
	"weir/bench/relay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running turns a server until the test ends, or until stop is called.
func running(t *testing.T, server *epoll.Server, err error) (target load.Target, stop func()) {
	t.Helper()
	addr, stop := epolltest.Run(t, server, err)
	return target4(addr), stop
}

func target4(a netip.AddrPort) load.Target {
	return load.Target{Addr: a, Host: a.String(), Path: "/"}
}

var anyPort = netip.MustParseAddrPort("127.0.0.1:0")

func backend(t *testing.T) (load.Target, func()) {
	server, err := echo.Serve(anyPort)
	return running(t, server, err)
}

func open(t *testing.T, cfg load.Config) *load.Crowd {
	t.Helper()
	crowd, err := load.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(crowd.Close)
	return crowd
}

var short = load.Window{Warmup: 50 * time.Millisecond, Duration: 300 * time.Millisecond}

func TestEcho(t *testing.T) {
	direct, _ := backend(t)
	server, err := relay.Serve(anyPort, direct.Addr)
	relayed, _ := running(t, server, err)
	for _, tc := range []struct {
		name    string
		target  load.Target
		conns   int
		threads int
		talk    load.Talk
	}{
		{"closed", direct, 50, 1, load.Talk{Size: 125}},
		{"closed, empty messages", direct, 5, 1, load.Talk{Size: 0}},
		{"closed, shorter than a stamp", direct, 5, 1, load.Talk{Size: 3}},
		{"closed, relayed, two threads", relayed, 50, 2, load.Talk{Size: 125}},
		{"closed, large", relayed, 4, 1, load.Talk{Size: 1 << 20}},
		{"open", direct, 20, 1, load.Talk{Size: 125, Rate: 50}},
		{"open, relayed, some active", relayed, 40, 2, load.Talk{Size: 125, Rate: 50, Active: 20}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			crowd := open(t, load.Config{Target: tc.target, Conns: tc.conns, Threads: tc.threads})
			if n := crowd.Live(); n != tc.conns {
				t.Fatalf("%d of %d connections", n, tc.conns)
			}
			tc.talk.Window = short
			r, err := crowd.Echo(t.Context(), tc.talk)
			if err != nil || r.Err() != nil {
				t.Fatal(err, r.Err())
			}
			if r.Ops == 0 || r.Latency.TotalCount() == 0 {
				t.Errorf("%d echoes, %d latencies", r.Ops, r.Latency.TotalCount())
			}
			if tc.talk.Rate > 0 { // 20 clients x 50 a second x 0.3 s
				if n := r.Latency.TotalCount(); n < 295 || n > 305 {
					t.Errorf("%d latencies, want those of the 300 messages due", n)
				}
			}
			if r, err := crowd.Hold(t.Context(), 10*time.Millisecond); err != nil || r.Err() != nil {
				t.Error(err, r.Err())
			}
		})
	}
}

func TestStorm(t *testing.T) {
	target, _ := backend(t)
	r, err := load.Storm(t.Context(), load.Gale{Target: target, Concurrency: 8, Window: short})
	if err != nil || r.Err() != nil {
		t.Fatal(err, r.Err())
	}
	if r.Ops < 10 || r.Latency.TotalCount() != r.Ops {
		t.Errorf("%d handshakes, %d latencies", r.Ops, r.Latency.TotalCount())
	}
}

func TestWindowEdges(t *testing.T) {
	target, _ := backend(t)
	crowd := open(t, load.Config{Target: target, Conns: 2})
	var begun, ended time.Time
	w := short
	w.Begin = func() { begun = time.Now() }
	w.End = func() { ended = time.Now() }
	r, err := crowd.Echo(t.Context(), load.Talk{Size: 8, Window: w})
	if err != nil || r.Elapsed != short.Duration {
		t.Errorf("elapsed %v, %v", r.Elapsed, err)
	}
	if begun.IsZero() || !ended.After(begun) {
		t.Errorf("Begin at %v, End at %v", begun, ended)
	}
}

func TestCancelledInTime(t *testing.T) {
	target, _ := backend(t)
	crowd := open(t, load.Config{Target: target, Conns: 3})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := crowd.Echo(ctx, load.Talk{Size: 10, Window: load.Window{Duration: time.Minute, Begin: cancel}})
	if err != context.Canceled {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
	if r.Elapsed > 30*time.Second {
		t.Errorf("elapsed %v", r.Elapsed)
	}
}

func TestTarget(t *testing.T) {
	for raw, want := range map[string]string{
		"ws://127.0.0.1:80/x?y=1": "127.0.0.1:80 /x?y=1 true",
		"ws://[::1]:9":            "[::1]:9 / true",
		"http://127.9.9.9/":       "127.9.9.9:80 / true",
		"ws://192.0.2.1:1":        "192.0.2.1:1 / false",
		"wss://127.0.0.1/z":       "127.0.0.1:443 /z true, TLS for 127.0.0.1",
		"https://[::1]:8443":      "[::1]:8443 / true, TLS for ::1",
	} {
		got, err := load.ParseTarget(raw)
		text := got.Addr.String() + " " + got.Path + map[bool]string{true: " true", false: " false"}[got.Loopback()]
		if got.TLS != nil {
			text += ", TLS for " + got.TLS.ServerName
		}
		if err != nil || text != want {
			t.Errorf("%s: %s, %v; want %s", raw, text, err, want)
		}
	}
	for _, raw := range []string{"", "127.0.0.1:80", "wsx://127.0.0.1/", "ws:///x", "wss:///x", "ws://127.0.0.1:99999/"} {
		if got, err := load.ParseTarget(raw); err == nil {
			t.Errorf("%q gives %v", raw, got)
		}
	}
}

func TestNoDescriptorLeaks(t *testing.T) {
	target, _ := backend(t)
	cycle := func() {
		crowd, err := load.Open(t.Context(), load.Config{Target: target, Conns: 20})
		if err != nil {
			t.Fatal(err)
		}
		crowd.Echo(t.Context(), load.Talk{Size: 10, Window: load.Window{Duration: 20 * time.Millisecond}})
		crowd.Close()
		load.Storm(t.Context(), load.Gale{Target: target, Concurrency: 4, Window: load.Window{Duration: 20 * time.Millisecond}})
	}
	cycle()
	before := descriptors(t)
	for range 3 {
		cycle()
	}
	// The backend, in this process too, closes its ends a moment later.
	for deadline := time.Now().Add(5 * time.Second); descriptors(t) > before+2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d descriptors, %d before", descriptors(t), before)
		}
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// Load, relay and backend, all in this process: their hot paths together allocate nothing for a message.
func TestNoAllocationPerMessage(t *testing.T) {
	direct, _ := backend(t)
	server, err := relay.Serve(anyPort, direct.Addr)
	relayed, _ := running(t, server, err)
	crowd := open(t, load.Config{Target: relayed, Conns: 50})
	perMessage := allocations(t, func(w load.Window) int64 {
		r, err := crowd.Echo(t.Context(), load.Talk{Size: 125, Window: w})
		if err != nil || r.Err() != nil {
			t.Fatal(err, r.Err())
		}
		return r.Ops
	})
	if perMessage > 0.1 {
		t.Errorf("%.2f allocations a message", perMessage)
	}
}

// What a crowd does to its threads for the sake of its schedule is not handed on to processes started later.
func TestThreadsAreLeftAsTheyWere(t *testing.T) {
	slack := func() string {
		t.Helper()
		b, err := exec.Command("cat", "/proc/self/timerslack_ns").Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	before := slack()
	target, _ := backend(t)
	crowd := open(t, load.Config{Target: target, Conns: 1})
	for range 20 { // a child comes from any thread
		if _, err := crowd.Hold(t.Context(), time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if after := slack(); after != before {
			t.Fatalf("a child's timers have a slack of %s ns, before %s", after, before)
		}
	}
}
