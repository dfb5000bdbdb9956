//go:build linux

package swarm_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"go.uber.org/goleak"

	"weir/bench/echo"
	"weir/bench/epoll/epolltest"
	"weir/bench/swarm"
)

// The test binary is its own load process.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "worker":
		if err := swarm.Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	case len(os.Args) == 2 && os.Args[1] == "broken":
		fmt.Fprintln(os.Stderr, "no such luck")
		os.Exit(3)
	}
	goleak.VerifyTestMain(m)
}

const processes, conns = 3, 150

func start(t *testing.T, how string) *swarm.Swarm {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s, err := swarm.Start([]string{self, how}, processes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Stop()
		for _, pid := range s.Pids() {
			if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
				t.Errorf("load process %d still is there: %v", pid, err)
			}
		}
	})
	return s
}

// backend is an echo server; stop closes all of its connections.
func backend(t *testing.T) (addr netip.AddrPort, stop func()) {
	t.Helper()
	server, err := echo.Serve(netip.MustParseAddrPort("127.0.0.1:0"))
	return epolltest.Run(t, server, err)
}

func request(addr netip.AddrPort) swarm.Open {
	return swarm.Open{
		Target: swarm.Target{Addr: addr, Host: addr.String(), Path: "/"},
		Conns:  conns, Rate: 3000, Pending: 30, Within: 5 * time.Second,
	}
}

func opened(t *testing.T, s *swarm.Swarm, addr netip.AddrPort) swarm.Tally {
	t.Helper()
	tally, err := s.Open(t.Context(), request(addr))
	if err != nil || tally.Err() != nil || tally.Live != conns || s.Live() != conns {
		t.Fatalf("%d of %d open, %d by the last progress, %v, %v", tally.Live, conns, s.Live(), err, tally.Err())
	}
	return tally
}

func TestOpenTalkHold(t *testing.T) {
	addr, _ := backend(t)
	s := start(t, "worker")
	opened(t, s, addr)
	if _, err := s.Open(t.Context(), request(addr)); err == nil {
		t.Error("it opened twice")
	}
	var edges []time.Time
	mark := func() { edges = append(edges, time.Now()) }
	talk := swarm.Talk{Active: 20, Size: 125, Rate: 50, Warmup: 100 * time.Millisecond, Duration: 500 * time.Millisecond}
	for range 2 { // each starts its numbers anew
		tally, err := s.Talk(t.Context(), talk, mark, mark)
		if err != nil || tally.Err() != nil {
			t.Fatal(err, tally.Err())
		}
		want := 20 * 50 / 2
		if diff := tally.Ops - want; diff < -20 || diff > 20 || tally.Latency == nil || int(tally.Latency.TotalCount()) != tally.Ops || tally.Latency.Min() <= 0 {
			t.Errorf("%d echoes, want some %d; %v", tally.Ops, want, tally.Latency)
		}
	}
	if len(edges) != 4 || edges[1].Sub(edges[0]) < talk.Duration {
		t.Errorf("edges of the windows: %v", edges)
	}
	if tally, err := s.Hold(t.Context(), 20*time.Millisecond); err != nil || tally.Live != conns || tally.Ops != 0 || tally.Busy <= 0 {
		t.Errorf("%+v, %v", tally, err)
	}
}

// What a talk cannot be is said, and does not end the processes.
func TestTalkRefused(t *testing.T) {
	addr, _ := backend(t)
	s := start(t, "worker")
	opened(t, s, addr)
	for name, talk := range map[string]swarm.Talk{
		"more talkers than clients": {Active: conns + 3, Size: 125, Rate: 1, Duration: time.Millisecond},
		"too large":                 {Active: 3, Size: swarm.MaxSize + 1, Rate: 1, Duration: time.Millisecond},
		"too small to number":       {Active: 3, Size: 7, Rate: 1, Duration: time.Millisecond},
		"more than a loop can send": {Active: 3, Size: 125, Rate: 1e12, Duration: time.Millisecond},
		"no rate":                   {Active: 3, Size: 125, Duration: time.Millisecond},
	} {
		if _, err := s.Talk(t.Context(), talk, nil, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if tally, err := s.Hold(t.Context(), time.Millisecond); err != nil || tally.Live != conns {
		t.Errorf("%d live, %v", tally.Live, err)
	}
}

func TestDyingServer(t *testing.T) {
	addr, stop := backend(t)
	s := start(t, "worker")
	opened(t, s, addr)
	time.AfterFunc(50*time.Millisecond, stop)
	tally, err := s.Hold(t.Context(), time.Minute)
	if err == nil || !strings.Contains(err.Error(), "every connection was lost") || tally.Live != 0 || tally.Faults["connection lost"] != conns {
		t.Errorf("%+v, %v", tally, err)
	}
	stop()
}

func TestUnreachableServer(t *testing.T) {
	addr, stop := backend(t)
	stop()
	s := start(t, "worker")
	tally, err := s.Open(t.Context(), request(addr))
	if err == nil || tally.Live != 0 || tally.Faults["connect failed"] < processes || tally.Faults["connect failed"] >= conns || len(tally.Faults) != 1 {
		t.Errorf("%v; want that more than none failed and less than all tried, %v", tally.Err(), err)
	}
}

func TestDyingWorker(t *testing.T) {
	addr, _ := backend(t)
	s := start(t, "worker")
	opened(t, s, addr)
	time.AfterFunc(30*time.Millisecond, func() { syscall.Kill(s.Pids()[1], syscall.SIGKILL) })
	tally, err := s.Hold(t.Context(), 200*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "load process 2 ended (signal: killed)") {
		t.Errorf("the error is %v", err)
	}
	if tally.Live != conns*2/3 || s.Live() != conns*2/3 {
		t.Errorf("%d and %d live, want %d", tally.Live, s.Live(), conns*2/3)
	}
	if _, err := s.Hold(t.Context(), time.Millisecond); err == nil {
		t.Error("a dead process obeyed")
	}
}

func TestWorkerThatCannotStart(t *testing.T) {
	s := start(t, "broken")
	_, err := s.Hold(t.Context(), time.Minute)
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no such luck") {
		t.Errorf("the error is %v", err)
	}
	for _, n := range []int{0, swarm.MaxProcesses + 1} {
		if _, err := swarm.Start([]string{"true"}, n); err == nil {
			t.Errorf("%d processes started", n)
		}
	}
	if _, err := swarm.Start([]string{"/no/such/program"}, 1); err == nil {
		t.Error("a program that is not there started")
	}
}

func TestCannotOpen(t *testing.T) {
	addr, _ := backend(t)
	s := start(t, "worker")
	o := request(addr)
	o.Conns = processes - 1
	if _, err := s.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "fewer than") {
		t.Errorf("the error is %v", err)
	}
	o.Conns = 1 << 30
	if _, err := s.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "use more processes") {
		t.Errorf("the error is %v", err)
	}
}

func TestInterrupted(t *testing.T) {
	addr, _ := backend(t)
	s := start(t, "worker")
	opened(t, s, addr)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(30*time.Millisecond, cancel)
	talk := swarm.Talk{Active: 3, Size: 125, Rate: 1, Duration: time.Minute}
	if _, err := s.Talk(ctx, talk, nil, nil); err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("the error is %v", err)
	}
}

// A server that pings, and then says good-bye to all.
func TestPingsAndCloseFrames(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	ponged, ended := make(chan error, conns), make(chan error, conns)
	leave := make(chan struct{})
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go farewell(conn, ponged, leave, ended)
		}
	}()
	s := start(t, "worker")
	meanwhile := opened(t, s, l.Addr().(*net.TCPAddr).AddrPort())
	gather := func(what string, from <-chan error) {
		for range conns {
			if err := <-from; err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
	}
	gather("pong", ponged)
	if tally, err := s.Hold(t.Context(), time.Millisecond); err != nil || meanwhile.Pings+tally.Pings != conns || tally.Live != conns {
		t.Errorf("%+v, %v", tally, err)
	}
	if _, err := s.Await(t.Context(), 10*time.Millisecond); err == nil || !strings.Contains(err.Error(), "still open") {
		t.Errorf("nobody has closed anything: %v", err)
	}
	time.AfterFunc(20*time.Millisecond, func() { close(leave) })
	tally, err := s.Await(t.Context(), 10*time.Second)
	if err != nil || tally.Err() != nil || tally.Live != 0 || tally.Closed[1001] != conns {
		t.Errorf("%+v, %v", tally, err)
	}
	gather("close", ended)
}

func farewell(conn net.Conn, ponged chan<- error, leave <-chan struct{}, ended chan<- error) {
	defer conn.Close()
	if _, err := ws.Upgrade(conn); err != nil {
		ponged <- err
		return
	}
	expect := func(op ws.OpCode, payload string) error {
		f, err := ws.ReadFrame(conn)
		if err != nil {
			return err
		}
		if f = ws.UnmaskFrame(f); f.Header.OpCode != op || string(f.Payload) != payload {
			return fmt.Errorf("%v %q, want %v %q", f.Header.OpCode, f.Payload, op, payload)
		}
		return nil
	}
	b := ws.MustCompileFrame(ws.NewPingFrame([]byte("are you there")))
	conn.Write(b[:3]) // in two pieces
	time.Sleep(time.Millisecond)
	conn.Write(b[3:])
	ponged <- expect(ws.OpPong, "are you there")
	<-leave
	reason := ws.NewCloseFrameBody(ws.StatusGoingAway, "drain")
	ws.WriteFrame(conn, ws.NewCloseFrame(reason))
	ended <- expect(ws.OpClose, string(reason))
}
