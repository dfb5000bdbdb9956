package gateway

import (
	"runtime"
	"time"
	"weir/gateway/observe"
)

// probedPerProcessor is how many silent connections TCP's keep-alive is safe for, see netpoll: whatever tcp-keepalive is,
// one burst has at most a quarter of them, and the queue of a processor holds 1,000 packets, answers included.
const probedPerProcessor = 1_000

func probed() int { return probedPerProcessor * runtime.NumCPU() }

// adviseHeartbeats tells those who mean to have more connections how to notice peers that vanish.
func (g *Gateway) adviseHeartbeats() {
	if g.cfg.TCPKeepAlive > 0 && g.cfg.PingInterval == 0 && g.proc.Admitted.Max() > probed() {
		g.proc.Log.Info("beyond so many connections TCP does not probe silent ones; set ping-interval to notice clients that vanish", "connections", probed())
	}
}

// rested hears on a loop that a listener takes nobody for now. It does not wait for the log.
func (g *Gateway) rested(err error) {
	select {
	case g.rests <- err:
	default:
	}
}

// tellRests tells of it, once in a while.
func (g *Gateway) tellRests() {
	for {
		select {
		case <-g.proc.Running.Done():
			return
		case err := <-g.rests:
			g.proc.Log.Warn("accepting pauses, clients wait: raise the limit of open files, or lower max-connections",
				"error", err, "connections", g.proc.Admitted.Len())
		}
		select {
		case <-g.proc.Running.Done():
			return
		case <-time.After(observe.Quiet):
		}
	}
}
