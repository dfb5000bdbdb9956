package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"weir/gateway/config"
	"weir/gateway/routing"
)

// hashed runs a gateway that chooses by on and tells its choice, with no bound on loads.
func hashed(t testing.TB, on string, backends ...string) *rig {
	return start(t, func(cfg *config.Config) {
		cfg.BalanceFactor, cfg.EndpointHeader, cfg.CloseTimeout = 0, "X-Endpoint", 50*time.Millisecond
		if err := cfg.HashOn.UnmarshalText([]byte(on)); err != nil {
			t.Fatal(err)
		}
	}, backends...)
}

// chosen makes a handshake and tells which endpoint the client got.
func chosen(t testing.TB, g *rig, request string) string {
	t.Helper()
	client := connect(t, g)
	client.write(request)
	endpoint := client.wantStatus(101).fields.Get("X-Endpoint")
	_ = client.conn.Close()
	return endpoint
}

// TestHashOn gives the same key the same endpoint, on two gateways that were told of the backends in another order;
// and different keys spread.
func TestHashOn(t *testing.T) {
	t.Parallel()
	backends := []string{echo(t), echo(t), echo(t)}
	reversed := slices.Clone(backends)
	slices.Reverse(reversed)
	for on, request := range map[string]func(key string) string{
		"path":          func(key string) string { return handshake("/room/" + key + "?any=" + t.Name()) },
		"header:X-User": func(key string) string { return handshake("/", "x-user: "+key) },
		"cookie:user":   func(key string) string { return handshake("/", "Cookie: a=b; user="+key+"; c=d") },
		"query:user":    func(key string) string { return handshake("/?a=b&user=" + key + "&c=d") },
		"client-ip":     nil,
		"random":        func(string) string { return handshake("/") },
	} {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			g, other := hashed(t, on, backends...), hashed(t, on, reversed...)
			seen := map[string]int{}
			for i := range 30 {
				key := fmt.Sprint("key", i)
				if on == "client-ip" {
					key = handshake("/"+key, "X-Forwarded-For: 10.0.0."+fmt.Sprint(i))
				} else {
					key = request(key)
				}
				first, again, there := chosen(t, g, key), chosen(t, g, key), chosen(t, other, key)
				if on != "random" && (first != again || first != there) {
					t.Fatalf("one key got %s, %s and elsewhere %s", first, again, there)
				}
				seen[first]++
			}
			if want := map[bool]int{true: 1, false: 3}[on == "client-ip"]; len(seen) != want {
				t.Errorf("endpoints chosen: %v", seen)
			}
		})
	}
}

// TestNextEndpoint is taken when one refuses; that one is left alone after some failures, and used again once it is
// back.
func TestNextEndpoint(t *testing.T) {
	t.Parallel()
	good, dead := echo(t), nobody(t)
	g := start(t, func(cfg *config.Config) {
		cfg.EndpointHeader, cfg.HealthInterval, cfg.HealthFall, cfg.HealthRise = "X-Endpoint", 20*time.Millisecond, 3, 1
		cfg.BalanceFactor, cfg.CloseTimeout = 0, 50*time.Millisecond
		_ = cfg.HashOn.UnmarshalText([]byte("path"))
	}, good, dead)
	for i := range 20 {
		if got := chosen(t, g, handshake(fmt.Sprint("/", i))); got != good {
			t.Fatalf("served by %s", got)
		}
	}
	wantMetric(t, g, `weir_endpoint_healthy{endpoint="`+dead+`",route="default"}`, 0)
	wantMetric(t, g, `weir_endpoint_healthy{endpoint="`+good+`",route="default"}`, 1)
	failures := metric(t, g, `weir_endpoint_connect_failures_total{endpoint="`+dead+`",route="default"}`)
	for i := range 20 {
		chosen(t, g, handshake(fmt.Sprint("/", i)))
	}
	if n := metric(t, g, `weir_endpoint_connect_failures_total{endpoint="`+dead+`",route="default"}`); n != failures {
		t.Errorf("the dead one was tried %v times more", n-failures)
	}
	back := listenOn(t, strings.TrimPrefix(dead, "ws://"))
	serving := make(chan struct{})
	go func() { // checks come as well: they connect and say nothing
		defer close(serving)
		for {
			conn, err := back.ln.Accept()
			if err != nil {
				return
			}
			go answer(conn)
		}
	}()
	wantMetric(t, g, `weir_endpoint_healthy{endpoint="`+dead+`",route="default"}`, 1)
	seen := map[string]bool{}
	for i := range 20 {
		seen[chosen(t, g, handshake(fmt.Sprint("/", i)))] = true
	}
	if !seen[dead] || !seen[good] {
		t.Errorf("served by %v", seen)
	}
	_ = back.ln.Close()
	<-serving
}

// TestWeights give one endpoint more keys than the other.
func TestWeights(t *testing.T) {
	t.Parallel()
	light, heavy := echo(t), echo(t)
	g := hashed(t, "path", light, heavy+"#weight=9")
	n := 0
	for i := range 60 {
		if chosen(t, g, handshake(fmt.Sprint("/", i))) == heavy {
			n++
		}
	}
	if n < 40 {
		t.Errorf("9 of 10 parts of the weight got %d of 60", n)
	}
}

// TestChecksAskForTheRoutesHost: a backend that serves one virtual host is well for the routes that name it, be it by
// upstream-host or by a rule, and the same backend for others is not.
func TestChecksAskForTheRoutesHost(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "app.example" || r.Header.Get("X-Check") != "yes" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if c, err := websocket.Accept(w, r, nil); err == nil {
			_, _, _ = c.Read(r.Context())
		}
	}))
	t.Cleanup(srv.Close)
	backend, plain := "ws"+strings.TrimPrefix(srv.URL, "http"), plainServer(t)
	g := start(t, func(cfg *config.Config) {
		cfg.HealthInterval, cfg.HealthTimeout, cfg.HealthFall, cfg.HealthPath, cfg.HealthHeader = 20*time.Millisecond, patience, 1, "/ready", []string{"X-Check: yes"}
		cfg.HealthStatus = []string{"204", "426"} // what a handler of WebSockets says to a GET
		addRoute(cfg, "host", routing.Match{Prefixes: []string{"/host"}}, func(c *config.Config) { c.UpstreamHost = "app.example" })
		addRoute(cfg, "rule", routing.Match{Prefixes: []string{"/rule"}}, func(c *config.Config) {
			c.RequestHeader, c.Health, c.HTTPUpstream, c.HTTP = []string{"set Host: app.example"}, config.HealthWebSocket, []string{plain}, true
		})
		addRoute(cfg, "none", routing.Match{}, nil)
	}, backend)
	for route, healthy := range map[string]float64{"host": 1, "rule": 1, "none": 0} {
		label := `{endpoint="` + backend + `",route="` + route + `"}`
		if !eventually(func() bool { return metric(t, g, "weir_endpoint_checks_total"+label) > 1 }) {
			t.Errorf("%s is not checked", route)
		}
		wantMetric(t, g, "weir_endpoint_healthy"+label, healthy)
	}
	if n := metric(t, g, `weir_endpoint_check_failures_total{endpoint="`+backend+`",route="rule"}`); n != 0 {
		t.Errorf("%v WebSocket checks failed", n)
	}
	label := `{endpoint="` + plain + `",route="rule (http)"}` // no WebSocket is asked for there
	if !eventually(func() bool { return metric(t, g, "weir_endpoint_checks_total"+label) > 1 }) ||
		metric(t, g, "weir_endpoint_check_failures_total"+label) != 0 {
		t.Error("checks of the backend of plain requests fail")
	}
}

// plainServer is a server of plain requests alone.
func plainServer(t testing.TB) string {
	srv := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(srv.Close)
	return "ws" + strings.TrimPrefix(srv.URL, "http")
}
