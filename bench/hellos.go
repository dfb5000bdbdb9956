//go:build linux

package bench

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"weir/bench/load"
)

// measureHellos lets a crowd talk three times: alone, beside as many plain busy goroutines as may compute in the gateway,
// which is half the processors, and beside clients that replay a ClientHello. What handshakes that compute do to those who
// talk should be little more than what any other work on so many processors does to them. Meanwhile a newcomer shakes
// hands ten times a second.
func measureHellos(ctx context.Context, s Scenario, target load.Target, pids []int) (Figures, error) {
	crowd, err := load.Open(ctx, load.Config{Target: target, Conns: s.Conns, Ramp: s.Ramp, Threads: s.Threads})
	if err != nil {
		return Figures{}, err
	}
	defer crowd.Close()
	opened := crowd.Live()
	talk := func(w load.Window) (load.Result, error) {
		r, err := crowd.Echo(ctx, load.Talk{Size: s.Size, Rate: s.Rate, Window: w})
		return r, errors.Join(err, r.Err())
	}
	plain := load.Window{Warmup: s.Warmup, Duration: s.Seconds}
	alone, err := talk(plain)
	if err != nil {
		return Figures{}, err
	}
	rest := busy(max(1, runtime.GOMAXPROCS(0)/2))
	beside, err := talk(plain)
	rest()
	if err != nil {
		return Figures{}, err
	}
	answered, err := replaying(target, s.Hellos)
	if err != nil {
		return Figures{}, err
	}
	newcomers := comeIn(ctx, target)
	m := meter{pids: pids}
	r, err := talk(m.window(s))
	longest, failed := newcomers()
	perSecond, ended := answered()
	f := m.figures(r)
	f.TLS = negotiated(alone)
	f.P99Alone, f.P99Busy = quantile(alone.Latency, 99), quantile(beside.Latency, 99)
	if f.P99Busy > 0 {
		f.P99Change = f.P99 / f.P99Busy
	}
	f.Hellos = perSecond
	f.Newcomer = float64(longest.Microseconds())
	return f, errors.Join(err, failed, ended, m.err, fewer(opened, s.Conns))
}

// ReplayCommand is how weirbench begins the process that replays hellos: the address, the server's name, how many at once. It is a
// process of its own, as those who talk would else wait for it and not for the gateway. It ends with its standard input, and
// writes how many were answered in a second.
const ReplayCommand = "replay"

func replaying(target load.Target, conns int) (answered func() (perSecond float64, err error), err error) {
	if target.TLS == nil {
		return nil, errors.New("hellos are for wss:// targets")
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	// Elsewhere it would have a machine of its own: here it takes what the others leave.
	cmd := exec.Command("nice", "-n", "19", self, ReplayCommand, target.Addr.String(), target.TLS.ServerName, strconv.Itoa(conns))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	return func() (perSecond float64, err error) {
		_ = in.Close()
		if err = cmd.Wait(); err == nil {
			_, err = fmt.Sscan(out.String(), &perSecond)
		}
		return perSecond, err
	}, nil
}

// Replay is that process.
func Replay(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) != 3 {
		return errors.New("want an address, a name and a number")
	}
	addr, err := netip.ParseAddrPort(args[0])
	conns, err2 := strconv.Atoi(args[2])
	if err = errors.Join(err, err2); err != nil {
		return err
	}
	began := time.Now()
	hellos, err := load.Target{Addr: addr, TLS: &tls.Config{ServerName: args[1]}}.Hellos(ctx, conns)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	hellos.Close()
	_, err2 = fmt.Fprintln(out, float64(hellos.Answered())/time.Since(began).Seconds())
	return errors.Join(err, err2)
}

// busy has so many goroutines compute until the function is called that it gives.
func busy(n int) (rest func()) {
	var over atomic.Bool
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for x := uint64(1); !over.Load(); {
				for range 1000 {
					x = x*6364136223846793005 + 1
				}
			}
		})
	}
	return func() { over.Store(true); all.Wait() }
}

// comeIn has a client from an address of its own shake hands again and again, until the function is called that it gives:
// that tells how long it took at most.
func comeIn(ctx context.Context, target load.Target) (over func() (longest time.Duration, err error)) {
	const every = 100 * time.Millisecond
	ctx, cancel := context.WithCancel(ctx)
	var longest time.Duration
	var failed error
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil && failed == nil {
			took, err := target.Newcomer(ctx, netip.AddrFrom4([4]byte{127, 0, 0, 2}))
			if ctx.Err() == nil {
				failed = err
			}
			longest = max(longest, took)
			select {
			case <-ctx.Done():
			case <-time.After(every):
			}
		}
	}()
	return func() (time.Duration, error) {
		cancel()
		<-done
		return longest, failed
	}
}
