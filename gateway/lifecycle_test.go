package gateway_test

import (
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"weir/gateway"
	"weir/gateway/config"
)

// TestBackendBreaksBehindAFastClient: a client that was held back since the backend did not read is read again when
// there is no backend any more, so that its end is seen.
func TestBackendBreaksBehindAFastClient(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { cfg.CloseTimeout = time.Hour }, b.url())
	client, server := session(t, g, b)
	client.stuff(server, pattern(client))
	server.reset()
	client.wantClose(1011)
	_ = client.conn.Close()
	wantMetric(t, g, "weir_client_connections", 0)
}

// TestDrainAnswersThoseWhoAsk even if the backend does not, and tells why under a name.
func TestDrainAnswersThoseWhoAsk(t *testing.T) {
	t.Parallel()
	var text logs
	b := listen(t)
	g := startLogging(t, &text, func(cfg *config.Config) { cfg.DrainTimeout, cfg.AccessLog = 300*time.Millisecond, config.AccessText }, b.url())
	client := connect(t, g)
	client.write(handshake("/"))
	b.accept().head()
	done := stopped(t, g)
	g.Drain()
	client.wantStatus(503)
	await(t, done, "the end")
	if !strings.Contains(text.String(), "status=503 reason=draining") {
		t.Errorf("not told of in\n%s", text.String())
	}
}

// TestCutInsideAFrame is told of as a cut: the close frame that was due never went.
func TestCutInsideAFrame(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) {
		cfg.CloseTimeout, cfg.IdleTimeout = 100*time.Millisecond, 200*time.Millisecond
	}, b.url())
	client, server := session(t, g, b)
	server.write("\x82\x10part")
	if got := string(client.rest()); got != "\x82\x10part" {
		t.Errorf("got %q", got)
	}
	wantMetric(t, g, `weir_sessions_closed_total{reason="idle_timeout",code="cut"}`, 1)
}

// TestDrainBeforeStart is for good.
func TestDrainBeforeStart(t *testing.T) {
	t.Parallel()
	g, err := gateway.New(aloneConfig(), slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	g.Drain()
	await(t, stopped(t, g), "the end")
	if g.Start() == nil {
		t.Error("a gateway that was drained starts")
	}
}

// TestDrainAfterAFailedStart does nothing, and nobody waits for it.
func TestDrainAfterAFailedStart(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cfg := aloneConfig()
	cfg.Admin = taken.Addr().String()
	g, err := gateway.New(cfg, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if g.Start() == nil {
		t.Error("it started on an address that is taken")
	}
	g.Drain()
	await(t, stopped(t, g), "the end")
}

// TestDrainWhileStarting is what a request to the admin listener can do.
func TestDrainWhileStarting(t *testing.T) {
	t.Parallel()
	for range 20 {
		g, err := gateway.New(aloneConfig(), slog.New(slog.NewTextHandler(io.Discard, nil)))
		if err != nil {
			t.Fatal(err)
		}
		drained := make(chan struct{})
		go func() { defer close(drained); g.Drain() }()
		_ = g.Start() // refused if the drain came first
		<-drained
		await(t, stopped(t, g), "the end")
	}
}

func aloneConfig() *config.Config {
	cfg := config.Default()
	cfg.Listen, cfg.Admin, cfg.Loops = []string{"127.0.0.1:0"}, "127.0.0.1:0", 2
	cfg.Upstream, cfg.HealthInterval = []string{"ws://127.0.0.1:9"}, 0
	return cfg
}
