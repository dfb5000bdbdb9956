package gateway_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"weir/gateway/config"
)

// TestAdminGuard keeps web pages out, and changes to those who may.
func TestAdminGuard(t *testing.T) {
	t.Parallel()
	field := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	for _, c := range []struct {
		name, method, path string
		change             []func(*http.Request)
		status             int
	}{
		{"a foreign name", "GET", "/metrics", []func(*http.Request){host("rebound.test:9090")}, 421},
		{"localhost", "GET", "/metrics", []func(*http.Request){host("localhost:9090")}, 200},
		{"an IPv6 address", "GET", "/metrics", []func(*http.Request){host("[::1]:9090")}, 200},
		{"an origin", "GET", "/metrics", []func(*http.Request){field("Origin", "https://evil.test")}, 403},
		{"a null origin", "POST", "/drain", []func(*http.Request){field("Origin", "null")}, 403},
		{"a page", "GET", "/sessions", []func(*http.Request){field("Sec-Fetch-Site", "cross-site")}, 403},
		{"typed by hand", "GET", "/sessions", []func(*http.Request){field("Sec-Fetch-Site", "none")}, 200},
		{"drain by GET", "GET", "/drain", nil, 405},
		{"no token", "POST", "/drain", nil, 401},
		{"wrong token", "POST", "/drain", []func(*http.Request){field("Authorization", "Bearer open")}, 401},
		{"another scheme", "POST", "/drain", []func(*http.Request){field("Authorization", "Basic sesame")}, 401},
		{"an origin with the token", "POST", "/drain", []func(*http.Request){field("Authorization", "Bearer sesame"), field("Origin", "http://127.0.0.1")}, 403},
		{"no such page", "GET", "/nothing", nil, 404},
		{"the command line, which may hold secrets", "GET", "/debug/pprof/cmdline", nil, 404},
		{"the token", "POST", "/drain", []func(*http.Request){field("Authorization", "Bearer sesame")}, 202},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := listen(t)
			g := start(t, func(cfg *config.Config) { cfg.AdminToken, cfg.DrainTimeout = "sesame", 50*time.Millisecond }, b.url())
			session(t, g, b)
			if status, body := ask(t, g, c.method, c.path, c.change...); status != c.status {
				t.Errorf("status %d, want %d: %s", status, c.status, body)
			}
		})
	}
}

// TestAdminAudit: calls that change something are told with who and what was asked, and what came of it; others are not.
func TestAdminAudit(t *testing.T) {
	t.Parallel()
	var text logs
	b := listen(t)
	g := startLogging(t, &text, nil, b.url())
	client, _ := session(t, g, b)
	ask(t, g, "GET", "/sessions")
	ask(t, g, "POST", "/sessions/close?ip=127.0.0.1&code=4003")
	client.wantClose(4003)
	wantLine(t, &text, `level=INFO msg="admin call" call=/sessions/close asked="code=4003&ip=127.0.0.1" from=127.0.0.1:\d+ by=loopback status=200 answer="{\\"closed\\":1}"$`)
	ask(t, g, "POST", "/sessions/close?user=")
	wantLine(t, &text, `msg="admin call" call=/sessions/close asked="user=" from=\S+ by=loopback status=400 answer="user: is empty`)
	ask(t, g, "POST", "/drain", func(r *http.Request) { r.Header.Set("Origin", "https://evil.test") })
	wantLine(t, &text, `level=WARN msg="admin call refused" call=/drain asked="" from=\S+ by="" status=403 answer="requests from web pages are refused" left_out=0$`)
	ask(t, g, "POST", "/drain", func(r *http.Request) { r.Header.Set("Origin", "https://evil.test") }) // not told again so soon
	ask(t, g, "POST", "/drain")
	wantLine(t, &text, `msg="admin call" call=/drain .*by=loopback status=202 answer=draining$`)
	if n := strings.Count(text.String(), `msg="admin call`); n != 4 {
		t.Errorf("%d lines:\n%s", n, text.String())
	}
}

// TestAdminPages agree with what goes on.
func TestAdminPages(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { cfg.Loops = 2 }, b.url())
	for range 3 {
		client, server := session(t, g, b)
		client.write(raw(true, 0x81, "\x02", "up"))
		server.want(1, "up")
		server.write(raw(false, 0x81, "\x04", "down"))
		client.want(1, "down")
	}
	var sessions struct {
		Open        int              `json:"open"`
		Ending      int              `json:"ending"`
		Connections int              `json:"connections"`
		PerLoop     []int            `json:"per_loop"`
		PerEndpoint map[string]int64 `json:"per_endpoint"`
		Opened      uint64           `json:"opened_total"`
		Cut         uint64           `json:"cut_total"`
		Buffered    int              `json:"buffered_bytes"`
		Draining    bool             `json:"draining"`
		Uptime      string           `json:"uptime"`
	}
	wantJSON(t, g, "/sessions", &sessions)
	if sessions.Open != 3 || sessions.Opened != 3 || len(sessions.PerLoop) != 2 || sessions.PerEndpoint[b.url()] != 3 || sessions.Draining {
		t.Errorf("%+v", sessions)
	}
	var endpoints []struct {
		ID              string    `json:"id"`
		Route           string    `json:"route"`
		Endpoint        string    `json:"endpoint"`
		Address         string    `json:"address"`
		Weight          int       `json:"weight"`
		State           string    `json:"state"`
		Reason          string    `json:"reason"`
		Since           time.Time `json:"since"`
		Sessions        int64     `json:"sessions"`
		Connects        uint64    `json:"connects"`
		ConnectFailures uint64    `json:"connect_failures"`
		Protocol        string    `json:"protocol"`
	}
	wantJSON(t, g, "/endpoints", &endpoints)
	if len(endpoints) != 1 || endpoints[0].Endpoint != b.url() || endpoints[0].Sessions != 3 || endpoints[0].Protocol != "http/1.1" || endpoints[0].Connects != 3 {
		t.Errorf("%+v", endpoints)
	}
	for series, want := range map[string]float64{
		"weir_sessions_open": 3, "weir_sessions_opened_total": 3, `weir_messages_total{direction="up"}`: 3, `weir_messages_total{direction="down"}`: 3,
		`weir_bytes_total{direction="up"}`: 3 * 8, `weir_bytes_total{direction="down"}`: 3 * 6,
		`weir_endpoint_sessions{endpoint="` + b.url() + `",route="default"}`: 3, "weir_handshake_seconds_count": 3, "weir_backend_connect_seconds_count": 3,
	} {
		if got := metric(t, g, series); got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
	wantText(t, func() string { _, body := ask(t, g, "GET", "/metrics"); return body }())
}

// wantText checks the text format of Prometheus line by line: no series and no metric is told twice, and each has its type and
// help before it.
func wantText(t *testing.T, text string) {
	t.Helper()
	line := regexp.MustCompile(`^([a-zA-Z_:][\w:]*(?:\{[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*"(?:, ?[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*")*\})?) (?:[-+]?[0-9.]+(?:e[-+]?\d+)?|NaN|[-+]?Inf)$`)
	seen, told := map[string]bool{}, map[string]bool{}
	name, kind := "", ""
	for l := range strings.Lines(text) {
		l = strings.TrimSuffix(l, "\n")
		if rest, ok := strings.CutPrefix(l, "# HELP "); ok {
			var help string
			if name, help, _ = strings.Cut(rest, " "); help == "" || told[name] {
				t.Errorf("no help, or told twice: %q", l)
			}
			told[name], kind = true, ""
			continue
		}
		if rest, ok := strings.CutPrefix(l, "# TYPE "+name+" "); ok {
			if kind = rest; (kind == "counter") != strings.HasSuffix(name, "_total") && strings.HasPrefix(name, "weir_") {
				t.Errorf("%s is a %s", name, kind)
			}
			continue
		}
		if part, ok := strings.CutPrefix(l, name); kind == "" || !ok || !strings.ContainsAny(part[:1], " {_") {
			t.Errorf("%q stands under %s %s", l, kind, name)
		}
		m := line.FindStringSubmatch(l)
		if m == nil || seen[m[1]] {
			t.Errorf("not a series, or one told twice: %q", l)
			continue
		}
		seen[m[1]] = true
	}
	if len(seen) < 40 {
		t.Errorf("only %d series", len(seen))
	}
}

// TestMetricsPush sends the same to a server, with its labels.
func TestMetricsPush(t *testing.T) {
	t.Parallel()
	pushed := make(chan string, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			unzip, err := gzip.NewReader(body)
			if err != nil {
				t.Error(err)
				return
			}
			body = unzip
		}
		text, _ := io.ReadAll(body)
		select {
		case pushed <- string(text):
		default:
		}
	}))
	t.Cleanup(srv.Close)
	start(t, func(cfg *config.Config) {
		cfg.MetricsPushURL, cfg.MetricsPushInterval, cfg.MetricsPushLabels = srv.URL, 20*time.Millisecond, `instance="a"`
	}, listen(t).url())
	select {
	case text := <-pushed:
		if !strings.Contains(text, `weir_sessions_open{instance="a"} 0`) {
			t.Errorf("pushed:\n%s", text)
		}
		wantText(t, text)
	case <-time.After(patience):
		t.Fatal("nothing was pushed")
	}
}

// TestAdminOff has no such listener.
func TestAdminOff(t *testing.T) {
	t.Parallel()
	g := start(t, func(cfg *config.Config) { cfg.Admin = "off" }, listen(t).url())
	if g.AdminAddr() != nil {
		t.Error("there is one")
	}
}
