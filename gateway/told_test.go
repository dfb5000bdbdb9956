package gateway_test

import (
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/gateway"
	"weir/gateway/config"
	"weir/gateway/routing"
	"weir/internal/freeport"
)

// wantLine waits for a log line that matches.
func wantLine(t testing.TB, text *logs, pattern string) {
	t.Helper()
	line := regexp.MustCompile("(?m)^.*" + pattern)
	if !eventually(func() bool { return line.MatchString(text.String()) }) {
		t.Errorf("no line like %s in\n%s", pattern, text.String())
	}
}

// TestRefusalsSayWhere: the line of a refusal names what was asked for, the route, the backend and what is wrong there.
func TestRefusalsSayWhere(t *testing.T) {
	t.Parallel()
	var text logs
	dead, b := freeport.Addr(t), listen(t)
	g := startLogging(t, &text, func(cfg *config.Config) {
		cfg.AccessLog, cfg.CloseTimeout = config.AccessText, 50*time.Millisecond
		addRoute(cfg, "dead", routing.Match{Prefixes: []string{"/dead"}}, nil)
		addRoute(cfg, "plain", routing.Match{Prefixes: []string{"/plain"}}, func(c *config.Config) { c.HTTP = true })
		addRoute(cfg, "members", routing.Match{Prefixes: []string{"/members"}}, func(c *config.Config) { takeTokens(t, c, "header"); c.HTTP = true })
		addRoute(cfg, "shop", routing.Match{Prefixes: []string{"/shop"}}, func(c *config.Config) {
			c.Upstream, c.Origin = []string{b.url()}, []string{"https://shop.test"}
		})
		addRoute(cfg, "secure", routing.Match{Prefixes: []string{"/secure"}}, func(c *config.Config) { c.RequireTLS = "refuse" })
		addRoute(cfg, "lan", routing.Match{Prefixes: []string{"/lan"}}, func(c *config.Config) { c.Deny = []string{"127.0.0.0/8"} })
	}, "ws://"+dead)
	for _, c := range []struct {
		request string
		status  int
		line    string
		answer  string // of the backend
	}{
		{handshake("/dead/a?token=x"), 502, `refuse client=\S+ status=502 reason=backend_connect_failed host=weir.test path=/dead/a route=dead endpoint=ws://` +
			dead + ` detail=.*refused`, ""},
		{handshake("/nowhere?token=x"), 404, `refuse client=\S+ status=404 reason=no_route host=weir.test path=/nowhere$`, ""},
		{handshake("/members/a?token=x", bearer("a.b.c")), 401, `refuse client=\S+ status=401 reason=auth_invalid host=weir.test path=/members/a route=members detail=".*token.*"$`, ""},
		{handshake("/shop/a", "Cookie: a=b", "Origin: https://evil.test"), 403,
			`refuse client=\S+ status=403 reason=origin_denied host=weir.test path=/shop/a route=shop origin=https://evil.test$`, ""},
		{handshake("/shop/b"), 502, `refuse client=\S+ status=502 reason=backend_bad_answer host=weir.test path=/shop/b route=shop endpoint=` + b.url() + ` detail=.*\(RFC`,
			"HTTP/1.1 nonsense canary\r\n\r\n"},
		{handshake("/shop/c"), 418, `refuse client=\S+ status=418 reason=backend_declined host=weir.test path=/shop/c route=shop endpoint=` + b.url(),
			head("HTTP/1.1 418 No", "Content-Length: 0")},
		{handshake("/secure/a"), 403, `reason=tls_required host=weir.test path=/secure/a route=secure$`, ""},
		{handshake("/lan/a"), 403, `reason=address_denied host=weir.test path=/lan/a route=lan$`, ""},
		{head("GET /plain/a?token=x HTTP/1.1", "Host: weir.test"), 502,
			`http client=\S+ endpoint=ws://` + dead + ` method=GET host=weir.test path=/plain/a route=plain status=502 reason=backend_connect_failed .*detail=.*refused`, ""},
		{head("GET /members/b HTTP/1.1", "Host: weir.test", bearer("a.b.c")), 401,
			`http client=\S+ endpoint="" method=GET host=weir.test path=/members/b route=members status=401 reason=auth_invalid .*detail=".*token`, ""},
		{handshake("/nowhere/" + strings.Repeat("x", 3000)), 404, `path=/nowhere/x{900}x{50,200}\.\.\.$`, ""},
	} {
		client := connect(t, g)
		client.write(c.request)
		if c.answer != "" {
			p := b.accept()
			p.head()
			p.write(c.answer)
		}
		client.wantStatus(c.status)
		_ = client.conn.Close()
		wantLine(t, &text, c.line)
	}
	if strings.Contains(text.String(), "token=x") || strings.Contains(text.String(), "canary") {
		t.Errorf("the log tells a query or a backend's bytes:\n%s", text.String())
	}
}

// TestEndpointsTellTheLastError: long before a backend counts as down, and of one whose name leads nowhere.
func TestEndpointsTellTheLastError(t *testing.T) {
	t.Parallel()
	var text logs
	const ghost = "ghost-" // no name ends so, so nobody is asked
	dead := "ws://" + freeport.Addr(t)
	g := startLogging(t, &text, nil, dead, "ws://"+ghost+":9000", "h2c://"+freeport.Addr(t))
	for range 2 {
		client := connect(t, g)
		client.write(handshake("/"))
		client.wantStatus(502)
	}
	var list []struct {
		ID, Route, Endpoint, Address, State, Reason, Protocol string
		Causes                                                []string
		Since                                                 time.Time
		LastError                                             string    `json:"last_error"`
		LastErrorAt                                           time.Time `json:"last_error_at"`
		Weight                                                int
		Sessions                                              int64
		Connects                                              uint64
		ConnectFailures                                       uint64 `json:"connect_failures"`
	}
	wantJSON(t, g, "/endpoints", &list)
	if len(list) != 3 {
		t.Fatalf("%+v", list)
	}
	for _, e := range list {
		switch {
		case strings.Contains(e.Endpoint, ghost):
			if e.State != "unresolved" || !strings.Contains(e.Reason, "no such host") || e.Address != "" || e.Since.IsZero() {
				t.Errorf("%+v", e)
			}
		case e.Endpoint == dead && e.Protocol != "http/1.1", e.Endpoint != dead && e.Protocol != "h2",
			e.State == "healthy", !strings.Contains(e.LastError, "refused"), time.Since(e.LastErrorAt).Abs() > patience:
			t.Errorf("%+v", e)
		}
	}
	if n := metric(t, g, `weir_lookup_failures_total{host="`+ghost+`"}`); n < 1 {
		t.Errorf("%v failed look-ups", n)
	}
	wantLine(t, &text, `level=WARN msg="backend name has no address.*" host=`+ghost+` route=default error=".*no such host"`)
}

// TestStartsWithoutAName: a name that leads nowhere costs its own route alone, and the start waits for no route's names
// behind another's.
func TestStartsWithoutAName(t *testing.T) {
	t.Parallel()
	var text logs
	const ghost = "ws://ghost-:9000"
	live := echo(t)
	g := startLogging(t, &text, func(cfg *config.Config) {
		addRoute(cfg, "ghost", routing.Match{Prefixes: []string{"/ghost"}}, func(c *config.Config) { c.Upstream = []string{ghost} })
		addRoute(cfg, "live", routing.Match{}, nil)
	}, live)
	for path, status := range map[string]int{"/ghost": 503, "/": 101} {
		client := connect(t, g)
		client.write(handshake(path))
		client.wantStatus(status)
	}
	wantMetric(t, g, `weir_sessions_refused_total{reason="no_endpoint"}`, 1)
	if status, _ := ask(t, g, "GET", "/readyz"); status != 200 {
		t.Errorf("/readyz answers %d, and one route can serve", status)
	}
	wantLine(t, &text, `level=WARN msg="backend name has no address.*" host=ghost- route=ghost`)

	for _, panics := range []bool{true, false} {
		lost := start(t, func(cfg *config.Config) { cfg.Panic = panics }, ghost)
		if status, body := ask(t, lost, "GET", "/readyz"); status != 503 || !strings.Contains(body, "no healthy endpoint") {
			t.Errorf("/readyz answers %d %q, and no route can serve", status, body)
		}
	}
}

// TestMetricsPushFails: without an admin listener too, and with no word of what a URL may hold.
func TestMetricsPushFails(t *testing.T) {
	t.Parallel()
	var text logs
	asked := make(chan string, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.URL.RequestURI() + " " + r.Header.Get("Authorization")
		w.WriteHeader(500)
	}))
	t.Cleanup(srv.Close)
	push := func(cfg *config.Config) {
		cfg.MetricsPushURL, cfg.MetricsPushInterval = strings.Replace(srv.URL, "//", "//u:canary@", 1)+"/push?canary=1", 10*time.Millisecond
	}
	began := time.Now()
	startLogging(t, &text, func(cfg *config.Config) { push(cfg); cfg.Admin = "off" }, listen(t).url())
	if got := <-asked; !strings.HasPrefix(got, "POST /push?canary=1 Basic ") {
		t.Errorf("asked %q", got)
	}
	for range 5 {
		<-asked
	}
	wantLine(t, &text, fmt.Sprintf(`level=WARN msg="metrics not pushed" url=%s/push error="answered with status 500" left_out=\d+`, srv.URL))
	wantLine(t, &text, `msg=listening addresses="?\[127.0.0.1:\d+\]"? admin=off`)
	if n, most := strings.Count(text.String(), "not pushed"), 1+int(time.Since(began)/(10*time.Second)); n > most {
		t.Errorf("told %d times, and %d are due", n, most)
	}
	g := startLogging(t, &text, push, listen(t).url())
	if !eventually(func() bool { return metric(t, g, "weir_metrics_push_failures_total") > 1 }) {
		t.Error("failures are not counted")
	}
	if _, metrics := ask(t, g, "GET", "/metrics"); strings.Contains(metrics+text.String(), "canary") {
		t.Error("the URL's secrets are told")
	}
}

// TestFewDescriptorsAreTold: both a limit that leaves little room and a number beyond it. It is not parallel, as it
// lowers the limit for all.
func TestFewDescriptorsAreTold(t *testing.T) {
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	low := was
	low.Cur = 456
	for _, c := range []struct {
		given int
		line  string
	}{
		{0, `level=WARN msg="the limit of open files allows few sessions.*LimitNOFILE.* limit=456 room=100 sockets_per_session=2$`},
		{math.MaxInt32, `level=WARN msg="max-connections exceeds the limit of open files.* limit=456 room=100 sockets_per_session=2 max_connections=2147483647$`},
		{100, ""},
	} {
		var text logs
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
			t.Fatal(err)
		}
		startLogging(t, &text, func(cfg *config.Config) { cfg.MaxConnections = c.given }, listen(t).url())
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
			t.Fatal(err)
		}
		if c.line != "" {
			wantLine(t, &text, c.line)
		} else if strings.Contains(text.String(), "limit of open files") {
			t.Errorf("warned of enough:\n%s", text.String())
		}
	}
}

// TestAuthServiceFails: the cause is told once in a while, however many clients come, and each refusal has a detail.
func TestAuthServiceFails(t *testing.T) {
	t.Parallel()
	var text logs
	s := serve(t, false, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) })
	g := startLogging(t, &text, func(cfg *config.Config) {
		cfg.AccessLog, cfg.CloseTimeout, cfg.AuthURL = config.AccessText, 50*time.Millisecond, s.URL+"/?key=canary"
	}, listen(t).url())
	for range 3 {
		wantAnswer(t, g, 503, handshake("/", bearer("canary")))
	}
	wantLine(t, &text, `level=WARN msg="no decision from the auth service: clients get 503" error="auth service `+s.URL+`/: status 404: .*" left_out=0`)
	wantLine(t, &text, `refuse client=\S+ status=503 reason=auth_unavailable host=weir.test path=/ route=default detail="the auth service .*"`)
	if n := strings.Count(text.String(), "no decision from"); n != 1 || strings.Contains(text.String(), "canary") {
		t.Errorf("told %d times, or what the URL holds:\n%s", n, text.String())
	}
	wantMetric(t, g, "weir_auth_service_failures_total", 3)
}

// TestMissingFilesAreToldAtOnce: all of them, each with its route and what it was for.
func TestMissingFilesAreToldAtOnce(t *testing.T) {
	t.Parallel()
	cfg := config.Default()
	cfg.Upstream = []string{"ws://127.0.0.1:1"}
	addRoute(cfg, "members", routing.Match{Prefixes: []string{"/members"}}, func(c *config.Config) {
		c.AllowFile, c.APIKeys, c.BasicUsers = "/none/allow", "/none/keys", "/none/users"
	})
	addRoute(cfg, "staff", routing.Match{}, func(c *config.Config) { c.DenyFile = "/none/deny" })
	_, err := gateway.New(cfg, slog.New(slog.DiscardHandler))
	if err == nil {
		t.Fatal("it starts")
	}
	for _, want := range []string{"route members: allow-file: there is no file /none/allow", "route members: api-keys: there is no file /none/keys",
		"route members: basic-users: there is no file /none/users", "route staff: deny-file: there is no file /none/deny"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing of %s in:\n%v", want, err)
		}
	}
}

// TestEndpointChangesAreTold: with the route, and a recovery is no warning.
func TestEndpointChangesAreTold(t *testing.T) {
	t.Parallel()
	var text logs
	addr := freeport.Addr(t)
	startLogging(t, &text, func(cfg *config.Config) { cfg.HealthInterval = 5 * time.Millisecond }, "ws://"+addr)
	wantLine(t, &text, `level=WARN msg="endpoint changed" endpoint=ws://`+addr+` route=default healthy=false reason="check: .*refused"`)
	listenOn(t, addr)
	wantLine(t, &text, `level=INFO msg="endpoint changed" endpoint=ws://`+addr+` route=default healthy=true reason="check passed"`)
}

// TestAddressInUse says what it may be and what to do.
func TestAddressInUse(t *testing.T) {
	t.Parallel()
	taken := listen(t).ln.Addr().String()
	for knob, change := range map[string]func(*config.Config){
		"listen: cannot listen on " + taken: func(cfg *config.Config) { cfg.Listen = []string{taken} },
		"use weir upgrade":                  func(cfg *config.Config) { cfg.Admin = taken },
	} {
		cfg := config.Default()
		cfg.Listen, cfg.Admin, cfg.Loops, cfg.Upstream = []string{"127.0.0.1:0"}, "127.0.0.1:0", 1, []string{"ws://127.0.0.1:1"}
		change(cfg)
		g, err := gateway.New(cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Start(); err == nil || !strings.Contains(err.Error(), "address already in use: by another") || !strings.Contains(err.Error(), knob) {
			t.Errorf("%v, want %s", err, knob)
		}
	}
}
