package plan

import (
	"log/slog"

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
	o.OnResolve = func(source string, addrs []string, err error) {
		switch {
		case err == nil:
			log.Info("backends found", "host", source, "route", *name(), "addrs", addrs)
		case len(addrs) == 0:
			log.Warn("backend name has no address: it gets no sessions until it has one; further failures are not logged", "host", source, "route", *name(), "error", err)
		default:
			log.Warn("lookup of backends failed: the last ones stay in use; further failures are not logged", "host", source, "route", *name(), "addrs", addrs, "error", err)
		}
	}
}
