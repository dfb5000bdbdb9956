package gateway_test

import (
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"weir/gateway"
	"weir/gateway/config"
	"weir/gateway/routing"
)

// rig is a gateway, with what it takes to reach it.
type rig struct {
	*gateway.Gateway
	t         testing.TB
	ca        *authority // of its certificate; nil in clear
	cert, key string
	overTLS   bool                          // what session opens
	back      *backend                      // behind it, if the rig has made it
	next      atomic.Pointer[config.Config] // what a reload finds, if startReloading began it
}

// start runs a gateway in front of the given backends, with whatever change makes of the defaults.
func start(t testing.TB, change func(*config.Config), backends ...string) *rig {
	t.Helper()
	return startLogging(t, io.Discard, change, backends...)
}

// startLogging does the same, with the logs written to w.
func startLogging(t testing.TB, w io.Writer, change func(*config.Config), backends ...string) *rig {
	t.Helper()
	cfg := config.Default()
	cfg.HTTP = false // most of these tests are about WebSockets alone
	cfg.Listen, cfg.Admin, cfg.Loops = []string{"127.0.0.1:0"}, "127.0.0.1:0", 1
	cfg.Upstream, cfg.HealthInterval, cfg.DrainTimeout = backends, 0, 500*time.Millisecond
	cfg.AccessLog, cfg.DeferAccept = config.AccessOff, 0 // some look at clients that send nothing
	if change != nil {
		change(cfg)
	}
	r := run(t, w, cfg)
	t.Cleanup(func() {
		for _, series := range gateway.Unforeseen(r.Gateway) {
			t.Errorf("%s was not there from the start", series)
		}
	})
	return r
}

// run runs a gateway with a configuration as it is, and drains it at the end of the test.
func run(t testing.TB, w io.Writer, cfg *config.Config, options ...gateway.Option) *rig {
	t.Helper()
	g, err := gateway.New(cfg, slog.New(slog.NewTextHandler(w, nil)), options...)
	if err == nil {
		err = g.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		g.Drain()
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
	})
	return &rig{Gateway: g, t: t}
}

// ways are how a session's client reaches the gateway, and the gateway its backend.
// The last is over TLS to a tunnel. Benchmarks have "pool over TLS" as well.
var ways = []string{"tunnel", "pool", "TLS"}

// startWay runs a gateway before a backend of its own, one way or another.
func startWay(t testing.TB, way string, change func(*config.Config)) *rig {
	t.Helper()
	begin, back := start, listen
	if strings.HasPrefix(way, "pool") {
		back = listenPool
	}
	if strings.HasSuffix(way, "TLS") {
		begin = startTLS
	}
	b := back(t)
	r := begin(t, func(cfg *config.Config) {
		cfg.CloseTimeout, cfg.DrainTimeout = 200*time.Millisecond, 200*time.Millisecond
		if change != nil {
			change(cfg)
		}
	}, b.url())
	r.back, r.overTLS = b, strings.HasSuffix(way, "TLS")
	return r
}

// eachBackend runs a test with a tunnel and with a pool.
func eachBackend(t *testing.T, change func(*config.Config), test func(t *testing.T, r *rig)) {
	t.Helper()
	for _, way := range ways[:2] {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			test(t, startWay(t, way, change))
		})
	}
}

// addRoute puts a route of its own into a configuration made by hand; all others have to follow it.
func addRoute(cfg *config.Config, name string, match routing.Match, change func(*config.Config)) {
	own := *cfg
	own.Routes = nil
	if change != nil {
		change(&own)
	}
	cfg.Routes = append(cfg.Routes, config.Route{Name: name, Match: match, Config: &own})
}
