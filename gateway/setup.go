package gateway

import (
	"crypto/tls"
	"log/slog"
	"math"
	"net/netip"
	"runtime"
	"syscall"

	"weir/codec/http1"
	"weir/gateway/config"
	"weir/upstream"
	"weir/upstream/health"
)

// spareDescriptors are kept for listeners, pollers, pooled connections, the admin listener, logs and checks.
const spareDescriptors = 256

// loops is how many event loops there are.
func loops(cfg *config.Config) int {
	if cfg.Loops > 0 {
		return cfg.Loops
	}
	return runtime.GOMAXPROCS(0) // knows of a container's CPU quota
}

// maxConnections is the knob, or as many sessions as the limit of open files has room for: with two sockets each,
// or one where all backends are pooled. The limit holds for each file table, of which the process has one or each
// loop has. The soft limit is raised to the hard one by Go's runtime at start.
func maxConnections(cfg *config.Config, sockets int) int {
	if cfg.MaxConnections > 0 {
		return cfg.MaxConnections
	}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || uint64(files.Cur) > math.MaxInt32 {
		return math.MaxInt32
	}
	tables := 1
	if cfg.LoopFileTables {
		tables = loops(cfg)
	}
	room := int64(max(16, (int(files.Cur)-spareDescriptors)/sockets)) * int64(tables)
	return int(min(room, math.MaxInt32))
}

func newGroup(cfg *config.Config, specs []upstream.Spec, secure *tls.Config, log *slog.Logger) (*upstream.Group, error) {
	return upstream.NewGroup(specs, upstream.Options{
		Balance: cfg.BalanceFactor, TLS: secure, Panic: cfg.Panic, DNSInterval: cfg.DNSInterval,
		Health: health.Options{Path: cfg.HealthPath, Interval: cfg.HealthInterval, Timeout: cfg.HealthTimeout,
			Rise: cfg.HealthRise, Fall: cfg.HealthFall},
		OnChange: func(e *upstream.Endpoint, healthy bool, reason string) {
			log.Warn("endpoint changed", "endpoint", e.Name, "healthy", healthy, "reason", reason)
		},
		OnResolve: func(host string, addrs []netip.Addr, err error) {
			if err != nil {
				log.Warn("name look-up failed, the last answer stays in use", "host", host, "addrs", addrs, "error", err)
				return
			}
			log.Info("name resolved", "host", host, "addrs", addrs)
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
