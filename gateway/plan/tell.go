package plan

import (
	"log/slog"
	"net/netip"

	"weir/upstream"
)

// tellOf has the log told of what happens to the backends.
func (f *Fleet) tellOf(o *upstream.Options, log *slog.Logger) {
	name := f.Name.Load
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
			log.Info("backend name resolved", "host", host, "route", *name(), "addrs", addrs)
		case len(addrs) == 0:
			log.Warn("backend name has no address: it gets no sessions until it has one; further failures are not logged", "host", host, "route", *name(), "error", err)
		default:
			log.Warn("lookup of a backend name failed: the last addresses stay in use; further failures are not logged", "host", host, "route", *name(), "addrs", addrs, "error", err)
		}
	}
}
