package session

import (
	"runtime"
	"time"

	"weir/gateway/observe"
	"weir/gateway/plan"
	"weir/netpoll"
)

// StartLoops starts as many loops as the configuration says. Each brings what keep says into a file table of its own, if it
// has one. Those that were started are there beside an error as well.
func StartLoops(p *Process, keep func(i, n int) (fds []int)) (all Shards, err error) {
	n := plan.Loops(p.Start)
	opts := netpoll.Options{
		ReadBuffer: int(p.Start.ReadBuffer), LowWater: int(p.Start.LowWater),
		Socket: netpoll.SocketOptions{NoDelay: p.Start.TCPNoDelay, KeepAlive: p.Start.TCPKeepAlive, Probed: max(1, probed()/n),
			UserTimeout: p.Start.TCPUserTimeout, NotSent: int(p.Start.TCPNotSent), DeferAccept: p.Start.DeferAccept, Backlog: p.Start.Backlog},
		OwnFiles: p.Start.LoopFileTables, Yields: n >= runtime.GOMAXPROCS(0), OnRest: p.rested,
	}
	for i := range n {
		opts.Keep = keep(i, n)
		opts.Sockets = p.socketsOfLoop()
		loop, err := netpoll.Start(i, opts)
		if err != nil {
			return all, err
		}
		all = append(all, newShard(p, loop, opts.Sockets))
	}
	return all, nil
}

// probedPerProcessor is how many silent connections TCP's keep-alive is safe for, see netpoll: whatever tcp-keepalive is,
// one burst has at most a quarter of them, and the queue of a processor holds 1,000 packets, answers included.
const probedPerProcessor = 1_000

func probed() int { return probedPerProcessor * runtime.NumCPU() }

// AdviseHeartbeats tells those who mean to have more connections how to notice peers that vanish.
func (p *Process) AdviseHeartbeats() {
	if p.Start.TCPKeepAlive > 0 && p.Start.PingInterval == 0 && p.Admitted.Max() > probed() {
		p.Log.Info("TCP keep-alive covers only this many connections; set ping-interval to detect dead clients", "connections", probed())
	}
}

// rested hears on a loop that a listener takes nobody for now. It does not wait for the log.
func (p *Process) rested(err error) {
	select {
	case p.rests <- err:
	default:
	}
}

// TellRests tells of it until the gateway ends, once in a while.
func (p *Process) TellRests() {
	for {
		select {
		case <-p.Running.Done():
			return
		case err := <-p.rests:
			p.Log.Warn("accepting pauses, clients wait: raise the limit of open files, or lower max-connections",
				"error", err, "connections", p.Admitted.Len())
		}
		select {
		case <-p.Running.Done():
			return
		case <-time.After(observe.Quiet):
		}
	}
}
