//go:build linux

package bench

import (
	"context"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"weir/bench/echo"
	"weir/bench/epoll/epolltest"
	"weir/bench/load"
)

// backend serves echoes until the test ends, or until stop is called.
func backend(t *testing.T) (target load.Target, stop func()) {
	t.Helper()
	server, err := echo.Serve(netip.MustParseAddrPort("127.0.0.1:0"))
	addr, stop := epolltest.Run(t, server, err)
	return load.Target{Addr: addr, Host: addr.String(), Path: "/"}, stop
}

// brief is a scenario that Compare knows, made short and small.
func brief(t *testing.T, name string) Scenario {
	t.Helper()
	list, err := SelectScenarios([]string{name})
	if err != nil {
		t.Fatal(err)
	}
	s := list[0]
	s.Warmup, s.Seconds = 50*time.Millisecond, 300*time.Millisecond
	s.Conns, s.Settle = min(s.Conns, 20), 0
	return s
}

func TestFiguresOfTheNewKinds(t *testing.T) {
	this := Subject{Pids: []int{os.Getpid()}} // backend and load at once
	for name, right := range map[string]func(*Figures) bool{
		"fanout": func(f *Figures) bool {
			return f.Published > 0 && f.LastP50 >= f.P50 && f.LastP99 > 0 && f.LastP999 >= f.LastP99 && f.CPUMicros > 0
		},
		"churn": func(f *Figures) bool {
			return f.RSSBefore > 0 && f.RSSPeak >= f.RSSBefore && f.RSSAfter > 0 && f.CPUMicros > 0
		},
		"drain": func(f *Figures) bool { return f.Back == 0 && len(f.Codes) == 0 && f.P99 > 0 }, // nobody ends
		"http":  func(f *Figures) bool { return f.P50 > 0 && f.CPUMicros > 0 },
		"slow":  func(f *Figures) bool { return f.SlowTaken > 0 && f.P99Alone > 0 && f.CPUMicros > 0 },
		"idle":  func(f *Figures) bool { return f.Ops == 20 && f.Threads > 0 && f.Pongs >= 20 },
	} {
		t.Run(name, func(t *testing.T) {
			target, _ := backend(t)
			s := brief(t, name)
			s.Least, s.Ping = 0, 200*time.Millisecond
			if name == "slow" {
				s.Seconds = time.Second // the others have to come through, too
			}
			if f, err := Measure(t.Context(), s, target, this); err != nil || f.Ops == 0 || !right(&f) || f.LoadCPU <= 0 {
				t.Errorf("%v: %+v", err, f)
			}
		})
	}
}

// All clients of a gateway that ends come to the second one, which ends the measurement early.
func TestDrain(t *testing.T) {
	first, stop := backend(t)
	stopped := false
	s := brief(t, "drain")
	s.Seconds = time.Minute
	of := Subject{Second: func(context.Context) (load.Target, func(), error) {
		second, _ := backend(t)
		time.AfterFunc(300*time.Millisecond, stop) // in place of a signal to a process
		return second, func() { stopped = true }, nil
	}}
	f, err := Measure(t.Context(), s, first, of)
	if err != nil || f.Back != 20 || f.Codes[load.CodeAbnormal] != 20 || f.Gap <= 0 || f.BackIn <= 0 || f.Seconds > 30 || !stopped {
		t.Errorf("%v: %+v", err, f)
	}
	back := 0
	for _, n := range f.Returns {
		back += n
	}
	if back != f.Back {
		t.Errorf("%d on the curve, %d in all", back, f.Back)
	}
}

// A gateway that keeps its clients, and one that nobody can follow.
func TestDrainFails(t *testing.T) {
	first, stop := backend(t)
	nowhere, stopSecond := backend(t)
	stopSecond()
	s := brief(t, "drain")
	s.Least = 0
	second := func(context.Context) (load.Target, func(), error) { return nowhere, func() {}, nil }
	if f, err := Measure(t.Context(), s, first, Subject{Second: second}); err == nil || f.Ops == 0 || !strings.Contains(err.Error(), "0 of 20 clients") {
		t.Errorf("it went on: %v, %+v", err, f)
	}
	time.AfterFunc(100*time.Millisecond, stop)
	if f, err := Measure(t.Context(), s, first, Subject{Second: second}); err == nil || f.Ops == 0 || f.Refusals == 0 || !strings.Contains(err.Error(), "not back") {
		t.Errorf("nobody can follow: %v, %+v", err, f)
	}
}

func TestTooMany(t *testing.T) {
	target, _ := backend(t)
	far := target
	far.Addr = netip.MustParseAddrPort("[::1]:9") // which has one source address
	for _, tc := range []struct {
		s    Scenario
		at   load.Target
		want string
	}{
		{Scenario{Kind: KindEcho, Conns: 2_000_000, Seconds: time.Second}, target, "ulimit"},
		{Scenario{Kind: KindIdle, Conns: 70_000, Seconds: time.Second}, far, "ip_local_port_range"},
		{Scenario{Kind: KindFanout, Conns: 1, Size: 9, Seconds: time.Second}, target, "two connections"},
		{Scenario{Kind: "other", Conns: 1, Seconds: time.Second}, target, "no kind"},
	} {
		if _, err := Measure(t.Context(), tc.s, tc.at, Subject{}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: %v, want %q in it", tc.s, err, tc.want)
		}
	}
}
