package gateway

import (
	"log/slog"
	"net/netip"
	"runtime"
	"time"

	"weir/codec/http1"
	"weir/gateway/config"
	"weir/upstream"
)

// loops is how many event loops there are.
func loops(cfg *config.Config) int {
	if cfg.Loops > 0 {
		return cfg.Loops
	}
	return runtime.GOMAXPROCS(0) // knows of a container's CPU quota
}

// probedPerProcessor is how many silent connections TCP's keep-alive is safe for, see netpoll: whatever tcp-keepalive is,
// one burst has at most a quarter of them, and the queue of a processor holds 1,000 packets, answers included.
const probedPerProcessor = 1_000

func probed() int { return probedPerProcessor * runtime.NumCPU() }

// adviseHeartbeats tells those who mean to have more connections how to notice peers that vanish.
func (g *Gateway) adviseHeartbeats() {
	if g.cfg.TCPKeepAlive > 0 && g.cfg.PingInterval == 0 && g.limits.admitted.Max() > probed() {
		g.log.Info("beyond so many connections TCP does not probe silent ones; set ping-interval to notice clients that vanish", "connections", probed())
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
		case <-g.running.Done():
			return
		case err := <-g.rests:
			g.log.Warn("accepting pauses, clients wait: raise the limit of open files, or lower max-connections",
				"error", err, "connections", g.limits.admitted.Len())
		}
		select {
		case <-g.running.Done():
			return
		case <-time.After(quiet):
		}
	}
}

// tellOf has the log told of what happens to the backends.
func (f *fleet) tellOf(o *upstream.Options, log *slog.Logger) {
	name := f.name.Load
	o.OnChange = func(e *upstream.Endpoint, healthy bool, reason string) {
		tell := log.Warn
		if healthy {
			tell = log.Info
		}
		tell("endpoint changed", "endpoint", e.Name, "route", *name(), "healthy", healthy, "reason", reason)
	}
	o.OnLost = func(e *upstream.Endpoint, connections, sessions int, reason string) {
		log.Warn("pooled connections lost, their sessions end", "endpoint", e.Name, "route", *name(),
			"connections", connections, "sessions", sessions, "reason", reason)
	}
	o.OnResolve = func(host string, addrs []netip.Addr, err error) {
		switch {
		case err == nil:
			log.Info("name resolved", "host", host, "route", *name(), "addrs", addrs)
		case len(addrs) == 0:
			log.Warn("a backend's name leads to no address: it gets nobody until it does; further failures are not told", "host", host, "route", *name(), "error", err)
		default:
			log.Warn("name look-up failed, the last answer stays in use; further failures are not told", "host", host, "route", *name(), "addrs", addrs, "error", err)
		}
	}
}

// nameEndpoint adds the header that tells a client which endpoint serves it, where that is asked for.
func (r *route) nameEndpoint(fields []http1.Field, e *upstream.Endpoint) []http1.Field {
	if r.cfg.EndpointHeader == "" {
		return fields
	}
	return append(fields, http1.Field{Name: []byte(r.cfg.EndpointHeader), Value: []byte(e.Name)})
}
