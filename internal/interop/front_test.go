package interop

import (
	"bufio"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/gateway"
	"weir/gateway/config"
)

// Front is what clients connect to instead of the backend.
type Front struct {
	Addr  string // host:port
	Admin string // where /metrics is
}

// startFront puts something in front of backends; it ends with the test.
type startFront func(t testing.TB, backends ...string) *Front

// tunnels is a gateway in this process with one connection to the backend for each client.
func tunnels(t testing.TB, backends ...string) *Front { return tuned(t, nil, backends...) }

// tuned is tunnels with some knobs changed.
func tuned(t testing.TB, change func(*config.Config), backends ...string) *Front {
	t.Helper()
	cfg := config.Default()
	cfg.Listen, cfg.Admin, cfg.Loops = []string{"127.0.0.1:0"}, "127.0.0.1:0", 1
	cfg.Upstream, cfg.HealthInterval, cfg.DrainTimeout = backends, 0, 500*time.Millisecond
	cfg.AccessLog = config.AccessOff
	if change != nil {
		change(cfg)
	}
	g, err := gateway.New(cfg, slog.New(slog.NewTextHandler(io.Discard, nil)))
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
	return &Front{Addr: g.Addrs()[0].String(), Admin: g.AdminAddr().String()}
}

func (f *Front) url(path string) string { return "ws://" + f.Addr + path }

// metric sums the series of one name whose labels contain all the given ones.
func (f *Front) metric(t testing.TB, name string, labels ...string) (sum float64) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	answer, err := client.Get("http://" + f.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		series, value, _ := strings.Cut(lines.Text(), " ")
		if series != name && !strings.HasPrefix(series, name+"{") || !containsAll(series, labels) {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("metric line %q: %v", lines.Text(), err)
		}
		sum += n
	}
	return sum
}

func containsAll(s string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}
