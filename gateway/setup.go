package gateway

import (
	"log/slog"
	"math"
	"net/netip"
	"runtime"
	"syscall"
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

const (
	// spareDescriptors are kept for listeners, pollers, pooled connections, the admin listener, logs and checks.
	spareDescriptors = 256
	// fewSessions is what nobody means who runs a gateway, though a limit of 1024 open files leaves room for no more.
	fewSessions = 1000
)

// maxConnections is the knob, or as many sessions as the limit of open files has room for: with two sockets each,
// or one where all backends are pooled. The limit holds for each file table, of which the process has one or each
// loop has. The soft limit is raised to the hard one by Go's runtime at start.
func (g *Gateway) maxConnections(p *plan) int {
	given, sockets, room := p.cfg.MaxConnections, p.sockets, math.MaxInt32
	var files syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files)
	if limited := err == nil && uint64(files.Cur) <= math.MaxInt32; limited {
		room = max(1, (int(files.Cur)-spareDescriptors)/sockets)
		if g.cfg.LoopFileTables {
			room *= loops(g.cfg)
		}
		room = min(room, math.MaxInt32)
	}
	const raise = "; raise it: LimitNOFILE= of systemd, ulimits of a container, ulimit -Hn of a shell"
	about := []any{"limit", uint64(files.Cur), "room", room, "sockets_per_session", sockets}
	switch {
	case given > room:
		g.log.Warn("max-connections is more than the limit of open files has room for"+raise, append(about, "max_connections", given)...)
	case given == 0 && room < fewSessions:
		g.log.Warn("the limit of open files has room for few sessions"+raise, about...)
	}
	if given > 0 {
		return given
	}
	return room
}

// probedPerProcessor is how many silent connections TCP's keep-alive is safe for, see netpoll: whatever tcp-keepalive is,
// one burst has at most a quarter of them, and the queue of a processor holds 1,000 packets, answers included.
const probedPerProcessor = 1_000

func probed() int { return probedPerProcessor * runtime.NumCPU() }

// adviseHeartbeats tells those who mean to have more connections how to notice peers that vanish.
func (g *Gateway) adviseHeartbeats() {
	if g.cfg.TCPKeepAlive > 0 && g.cfg.PingInterval == 0 && g.limits.max > probed() {
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
				"error", err, "connections", g.limits.connections.Load())
		}
		select {
		case <-g.running.Done():
			return
		case <-time.After(quiet):
		}
	}
}

// newGroup makes the group, whose changes are told under the name of the route that used it first.
func (f *fleet) newGroup(specs []upstream.Spec, log *slog.Logger) (*upstream.Group, error) {
	t, name := &f.terms, f.name
	return upstream.NewGroup(specs, upstream.Options{
		Balance: t.balance, TLS: f.tls, Panic: t.panics, DNSInterval: t.dnsInterval, Health: t.health,
		OnChange: func(e *upstream.Endpoint, healthy bool, reason string) {
			tell := log.Warn
			if healthy {
				tell = log.Info
			}
			tell("endpoint changed", "endpoint", e.Name, "route", name, "healthy", healthy, "reason", reason)
		},
		OnLost: func(e *upstream.Endpoint, connections, sessions int, reason string) {
			log.Warn("pooled connections lost, their sessions end", "endpoint", e.Name, "route", name,
				"connections", connections, "sessions", sessions, "reason", reason)
		},
		OnResolve: func(host string, addrs []netip.Addr, err error) {
			switch {
			case err == nil:
				log.Info("name resolved", "host", host, "route", name, "addrs", addrs)
			case len(addrs) == 0:
				log.Warn("name look-up failed, there is no address yet: this backend gets nobody", "host", host, "route", name, "error", err)
			default:
				log.Warn("name look-up failed, the last answer stays in use", "host", host, "route", name, "addrs", addrs, "error", err)
			}
		},
	})
}

// nameEndpoint adds the header that tells a client which endpoint serves it, where that is asked for.
func (r *route) nameEndpoint(fields []http1.Field, e *upstream.Endpoint) []http1.Field {
	if r.cfg.EndpointHeader == "" {
		return fields
	}
	return append(fields, http1.Field{Name: []byte(r.cfg.EndpointHeader), Value: []byte(e.Name)})
}
