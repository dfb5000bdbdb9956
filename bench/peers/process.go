//go:build linux

package peers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"weir/bench/load"
	"weir/bench/proc"
)

const readyWithin = 5 * time.Second

// Process is a peer that has answered its probe.
type Process struct {
	Pid int

	peer  Peer
	place Place
	cmd   *exec.Cmd
	said  proc.Tail
	done  chan struct{} // closed when the process has ended
}

// Start runs p at a place and returns when its probe, usually a real upgrade, has been answered.
// The error holds the last the process said.
func Start(ctx context.Context, p Peer, at Place) (*Process, error) {
	dir, err := os.MkdirTemp("", "weirbench-")
	if err != nil {
		return nil, err
	}
	at.Dir = dir
	process := &Process{peer: p, place: at, done: make(chan struct{})}
	if err := process.start(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	probe := p.Probe
	if probe == nil {
		probe = load.Target.Probe
	}
	if err := process.await(ctx, probe); err != nil {
		process.Stop()
		return nil, fmt.Errorf("%w%s", err, process.said.String())
	}
	return process, nil
}

func (p *Process) start() (err error) {
	if p.place.Listen, err = freePort(); err != nil {
		return err
	}
	for p.place.Admin = p.place.Listen; p.place.Admin == p.place.Listen; {
		if p.place.Admin, err = freePort(); err != nil {
			return err
		}
	}
	if p.place.Certificate != nil {
		if err := p.place.Certificate.write(p.place.Dir); err != nil {
			return err
		}
	}
	argv, err := p.peer.Command(p.place)
	if err != nil {
		return err
	}
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Env = append(os.Environ(), p.peer.Env...)
	var out io.Writer = &p.said
	if p.peer.Hear != nil {
		out = &lines{take: p.peer.Hear, on: out}
	}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.Pid = p.cmd.Process.Pid
	go func() {
		defer close(p.done)
		p.cmd.Wait()
	}()
	return nil
}

// Addr is where the process listens.
func (p *Process) Addr() netip.AddrPort { return p.place.Listen }

// Target is the process as clients see it.
func (p *Process) Target() load.Target {
	addr := p.Addr()
	if p.place.Certificate == nil {
		return load.Target{Addr: addr, Host: addr.String(), Path: "/"}
	}
	host := net.JoinHostPort(serverName, strconv.Itoa(int(addr.Port())))
	return load.Target{Addr: addr, Host: host, Path: "/", TLS: p.place.Certificate.Client()}
}

// Settle has the process collect its garbage if it has any, and counts its goroutines, 0 if it has none.
func (p *Process) Settle(ctx context.Context) (goroutines int, err error) {
	if p.peer.Settle == nil || !p.place.Settles {
		return 0, nil
	}
	return p.peer.Settle(ctx, p.place)
}

// await polls until the process answers, ends, or takes too long.
func (p *Process) await(ctx context.Context, probe func(load.Target, context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	target := p.Target()
	for {
		err := probe(target, ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("ended at once (%s)", p.cmd.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("no answer within %s: %w", readyWithin, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Ended waits for the process to end, so long at most. It is nil while the process runs, else an error with its
// state and last words.
func (p *Process) Ended(within time.Duration) error {
	select {
	case <-p.done:
	case <-time.After(within):
		return nil
	}
	return fmt.Errorf("ended (%s)%s", p.cmd.ProcessState, p.said.String())
}

// Stop kills the process and all it started, and waits for its end.
func (p *Process) Stop() {
	if p.Pid > 0 {
		syscall.Kill(-p.Pid, syscall.SIGKILL)
		<-p.done
	}
	os.RemoveAll(p.place.Dir)
}

// freePort picks a loopback port outside the range the kernel gives to clients, so that no
// connection of the load can take it before the peer listens.
func freePort() (netip.AddrPort, error) {
	for range 50 {
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(20000+rand.IntN(10000)))
		l, err := net.Listen("tcp", addr.String())
		if err == nil {
			l.Close()
			return addr, nil
		}
	}
	return netip.AddrPort{}, errors.New("no free port between 20000 and 30000")
}
