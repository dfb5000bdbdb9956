package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"weir/upstream/accept"
)

// Sessions of a route that has gone are closed at an even pace: none before its share of reload-drain is over.
func TestReloadDrainIsPaced(t *testing.T) {
	t.Parallel()
	const sessions, window = 40, 2 * time.Second
	one := saysName(t, "one")
	keep := "{name: keep, match: {path: /keep}, upstream: '" + one + "'}"
	g := startReloading(t, "reload-drain: 2s\nroutes: ["+keep+", {name: go, match: {path: /go}, upstream: '"+one+"'}]")
	kept := dial(t, url(g)+"keep")
	ended := make(chan error, sessions)
	for range sessions {
		c := dial(t, url(g)+"go")
		go func() {
			_, _, err := c.Read(context.Background())
			ended <- err
		}()
	}
	began := time.Now()
	g.to("reload-drain: 2s\nroutes: [" + keep + "]")
	for n := range sessions {
		select {
		case err := <-ended:
			if websocket.CloseStatus(err) != websocket.StatusGoingAway {
				t.Errorf("session %d ended with %v", n, err)
			}
		case <-time.After(patience):
			t.Fatalf("%d of %d sessions were closed", n, sessions)
		}
		// Each of the two loops may be one ahead, and closes in steps.
		if soonest := window * time.Duration(n-4) / sessions; time.Since(began) < soonest-100*time.Millisecond {
			t.Errorf("session %d was closed after %v, due after %v", n, time.Since(began), soonest)
		}
	}
	says(t, kept, "one")
}

// Past 16 configurations that still have sessions, a reload is refused, and the oldest is named.
func TestReloadPastGenerations(t *testing.T) {
	t.Parallel()
	one := saysName(t, "one")
	config := func(n int) string {
		return fmt.Sprintf("routes: [{name: a, upstream: '%s', idle-timeout: %dm}]", one, n)
	}
	g := startReloading(t, config(1))
	var first *websocket.Conn
	for n := range 16 {
		c := dial(t, url(g))
		if n == 0 {
			first = c
		}
		g.to(config(n + 2))
	}
	g.next.Store(parse(t, config(100)))
	if status, text := ask(t, g, "POST", "/reload"); status != http.StatusConflict || !strings.Contains(text, "the oldest of generation 1 with 1 sessions") {
		t.Errorf("%d %s", status, text)
	}
	wantMetric(t, g, "weir_config_generation", 17)
	_ = first.CloseNow()
	if !eventually(func() bool { status, _ := ask(t, g, "POST", "/reload"); return status == 200 }) {
		t.Error("refused when the oldest has gone")
	}
}

// A backend that no route has any more is not checked, and its series go; one that stays is checked as before.
func TestReloadRemovesBackend(t *testing.T) {
	t.Parallel()
	checks := func() (string, chan struct{}) {
		came := make(chan struct{}, 10_000)
		srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { came <- struct{}{} }))
		t.Cleanup(srv.Close)
		return strings.Replace(srv.URL, "http:", "ws:", 1), came
	}
	stays, staysCame := checks()
	goes, goesCame := checks()
	routes := func(backends string) string {
		return "routes: [{name: a, health-path: /, health-interval: 100ms, upstream: [" + backends + "]}]"
	}
	g := startReloading(t, routes("'"+stays+"', '"+goes+"'"))
	await(t, goesCame, "a check")
	await(t, staysCame, "a check")
	series := `weir_endpoint_checks_total{endpoint="%s",route="a"}`
	before := metric(t, g, fmt.Sprintf(series, stays))
	g.to(routes("'" + stays + "'"))
	if after := metric(t, g, fmt.Sprintf(series, stays)); before == 0 || after < before {
		t.Errorf("the backend that stays had %v checks, and has %v", before, after)
	}
	for _, what := range []string{"/metrics", "/endpoints"} {
		if _, text := ask(t, g, "GET", what); strings.Contains(text, strings.TrimPrefix(goes, "ws://")) {
			t.Errorf("%s has the backend that has gone:\n%s", what, text)
		}
	}
	for len(goesCame)+len(staysCame) > 0 { // what has come so far
		select {
		case <-goesCame:
		case <-staysCame:
		}
	}
	for range 5 {
		await(t, staysCame, "a check of the backend that stays")
	}
	if n := len(goesCame); n > 1 { // one may have been under way
		t.Errorf("%d checks of a backend that has gone", n)
	}
}

// endpointState is what GET /endpoints tells of one.
type endpointState struct {
	Endpoint, State string
	Since           time.Time
	Sessions        int
	Connects        int
}

func endpoints(t *testing.T, g *rig) (all []endpointState) {
	t.Helper()
	_, text := ask(t, g, "GET", "/endpoints")
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b endpointState) int { return strings.Compare(a.Endpoint, b.Endpoint) })
	return all
}

// A backend's health, load and pooled connections stay what they are, whatever else of its route changes.
func TestReloadKeepsBackends(t *testing.T) {
	t.Parallel()
	var accepted atomic.Int64
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := accept.New(counting{ln, &accepted}, accept.Options{})
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				if conn.(*accept.Conn).Respond(nil) == nil {
					(&storm{wrong: make(chan error, 1)}).serve(conn)
				}
			}()
		}
	}()
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = dead.Close()
	text := func(rest string) string {
		return "routes: [{name: a, health-interval: 1h, health-fall: 1, upstream: ['h2c://" + ln.Addr().String() + "', 'h2c://" + dead.Addr().String() + "']" + rest + "}]"
	}
	g := startReloading(t, text(""))
	c := &crossing{rig: g, t: t}
	open := func() {
		t.Helper()
		p := c.clear()
		p.write(handshake("/"))
		p.wantStatus(101)
	}
	if !eventually(func() bool {
		return slices.ContainsFunc(endpoints(t, g), func(e endpointState) bool { return e.State == "unhealthy" })
	}) {
		t.Fatal("the dead backend passes for well")
	}
	open()
	open()
	before, connections := endpoints(t, g), accepted.Load()
	for _, rest := range []string{", idle-timeout: 5m", ", hash-on: path", ", request-header: 'set X-A: b'", ", connect-retries: 1"} { // the last has another fleet
		r := g.to(text(rest))
		if len(r.RoutesChanged) != 1 {
			t.Fatalf("%+v", r)
		}
		after := endpoints(t, g)
		for i := range after {
			after[i].Connects = before[i].Connects // where the dead one is tried
		}
		if !slices.EqualFunc(before, after, func(a, b endpointState) bool {
			return a.Endpoint == b.Endpoint && a.State == b.State && a.Since.Equal(b.Since) && a.Sessions == b.Sessions
		}) {
			t.Errorf("%s: the backends were\n%+v, and are\n%+v", rest, before, after)
		}
	}
	open()
	if n := accepted.Load(); n > max(connections, 2) { // one for each loop
		t.Errorf("the backend had %d connections before, and %d since", connections, n)
	}
}

// counting counts what it accepts.
type counting struct {
	net.Listener
	n *atomic.Int64
}

func (c counting) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.n.Add(1)
	}
	return conn, err
}

// A cookie leads to the same backend as before, and so does a connection that is kept for plain requests.
func TestReloadKeepsCookiesAndIdleConnections(t *testing.T) {
	t.Parallel()
	var connections atomic.Int64
	backend := func(name string) string {
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) }))
		srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				connections.Add(1)
			}
		}
		srv.Start()
		t.Cleanup(srv.Close)
		return strings.Replace(srv.URL, "http:", "ws:", 1)
	}
	text := "hash-on: random\nsticky-cookie: seat\nupstream: ['" + backend("one") + "', '" + backend("two") + "']"
	g := startReloading(t, text)
	var cookie *http.Cookie
	get := func() string {
		t.Helper()
		r, _ := http.NewRequest("GET", "http://"+g.Addrs()[0].String(), nil)
		if cookie != nil {
			r.AddCookie(cookie)
		}
		answer, err := plain.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		for _, c := range answer.Cookies() {
			cookie = c
		}
		b, _ := io.ReadAll(answer.Body)
		return string(b)
	}
	first := get()
	if cookie == nil {
		t.Fatal("no cookie")
	}
	for i := range 10 {
		g.to(text + fmt.Sprintf("\nmax-message-size: %dKiB", i+1))
		if got := get(); got != first {
			t.Fatalf("after %d reloads the cookie of %s leads to %s", i+1, first, got)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections for requests one after the other", n)
	}
}

// Keys that were fetched, answers of a service and what rates remember count on, also where other knobs of the kind change.
func TestReloadKeepsWhatIsKnown(t *testing.T) {
	t.Parallel()
	one := saysName(t, "one")
	keys := serve(t, false, text(keySet(t)))
	service := serve(t, false, text(""))
	text := "connection-rate: 4/1h burst 4\nroutes: [{name: jwt, match: {path: /jwt}, upstream: '" + one + "', jwt-jwks-url: '" + keys.URL + "', jwt-algorithm: ES256%[1]s}, " +
		"{name: asked, match: {path: /asked}, upstream: '" + one + "', auth-url: '" + service.URL + "', auth-cache: 1h%[2]s}]"
	g := startReloading(t, fmt.Sprintf(text, "", ""))
	good := token(t, "ES256", nil)
	enter := func(path string) error {
		h := http.Header{"Authorization": {"Bearer " + good}}
		c, _, err := websocket.Dial(t.Context(), url(g)+path, &websocket.DialOptions{HTTPHeader: h})
		if err == nil {
			_ = c.CloseNow()
		}
		return err
	}
	for _, path := range []string{"jwt", "asked"} {
		if err := enter(path); err != nil {
			t.Fatal(err)
		}
	}
	keys.Close()
	g.to(fmt.Sprintf(text, ", jwt-leeway: 7s", ", auth-optional: true, auth-strip: true"))
	for _, path := range []string{"jwt", "asked"} {
		if err := enter(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if n := service.asked.Load(); n != 1 {
		t.Errorf("the service was asked %d times", n)
	}
	if err := enter("jwt"); err == nil || !strings.Contains(err.Error(), "429") {
		t.Errorf("a handshake over the rate: %v", err)
	}
}
