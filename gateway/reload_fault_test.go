package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"weir/gateway"
	"weir/gateway/admin"
	"weir/gateway/config"
	"weir/internal/freeport"
	"weir/upstream/accept"
)

// An address that is written in another way is the same listener: it goes on, and nothing is said to have come or gone.
func TestReloadKeepsListenerWrittenAnew(t *testing.T) {
	t.Parallel()
	one := saysName(t, "one")
	_, port, err := net.SplitHostPort(freeport.Addr(t))
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "s")
	ways := []string{":" + port + ", unix:" + socket, "[::]:" + port + ", unix:" + filepath.Dir(socket) + "//s", "[0::0]:" + port + ", unix:" + socket}
	g := startReloading(t, "upstream: "+one+"\nlisten: '"+ways[0]+"'")
	before, err := os.Stat(socket)
	if err != nil {
		t.Fatal(err)
	}
	for _, listen := range ways[1:] {
		r := g.to("upstream: " + one + "\nlisten: '" + listen + "'")
		if r.ListenersAdded != nil || r.ListenersRemoved != nil || !slices.Equal(r.Changed, []string{"listen"}) {
			t.Errorf("%s: %+v", listen, r)
		}
		says(t, dial(t, "ws://127.0.0.1:"+port), "one")
		if after, err := os.Stat(socket); err != nil || !os.SameFile(before, after) {
			t.Errorf("%s: the socket is another one: %v", listen, err)
		}
	}
}

// Clients that were counted by their address are taken off it when they leave, also while addresses are not bounded; those
// that came in between are not, and take no place from others.
func TestReloadSwitchesLimitByAddress(t *testing.T) {
	t.Parallel()
	one := saysName(t, "one")
	unbounded, bounded := "upstream: "+one, "upstream: "+one+"\nmax-connections-per-ip: 2"
	g := startReloading(t, bounded)
	first := dial(t, url(g))
	g.to(unbounded)
	between := dial(t, url(g))
	_ = first.CloseNow()
	wantMetric(t, g, "weir_client_connections", 1)
	g.to(bounded)
	second, third := dial(t, url(g)), dial(t, url(g))
	_ = between.CloseNow()
	wantMetric(t, g, "weir_client_connections", 2)
	if _, answer, err := websocket.Dial(t.Context(), url(g), nil); err == nil || answer == nil || answer.StatusCode != 429 {
		t.Errorf("one too many: %v", err)
	}
	says(t, second, "one")
	says(t, third, "one")
}

// The same for connections with plain requests, which are taken off by another way.
func TestReloadSwitchesLimitByAddressPlain(t *testing.T) {
	t.Parallel()
	backend := strings.Replace(plainBackend(t), "http:", "ws:", 1)
	unbounded, bounded := "upstream: "+backend, "upstream: "+backend+"\nmax-connections-per-ip: 1"
	g := startReloading(t, bounded)
	get := func() (status int, leave func()) {
		t.Helper()
		transport := &http.Transport{}
		answer, err := (&http.Client{Transport: transport, Timeout: patience}).Get("http://" + g.Addrs()[0].String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		return answer.StatusCode, transport.CloseIdleConnections
	}
	admitted := func(want int) {
		t.Helper()
		text := ""
		if !eventually(func() bool {
			_, text = ask(t, g, "GET", "/health")
			return strings.Contains(text, fmt.Sprintf(`"connections":%d}`, want))
		}) {
			t.Fatalf("not %d connections: %s", want, text)
		}
	}
	_, leave := get()
	g.to(unbounded)
	_, leaveBetween := get()
	leave()
	admitted(1)
	g.to(bounded)
	status, _ := get()
	if leaveBetween(); status != 200 {
		t.Errorf("the address has no place left: %d", status)
	}
	admitted(1)
	if status, _ := get(); status != 429 {
		t.Errorf("one too many: %d", status)
	}
}

func plainBackend(t testing.TB) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }))
	t.Cleanup(srv.Close)
	return srv.URL
}

// pooledBackend takes sessions over HTTP/2, and counts the connections.
func pooledBackend(t testing.TB, serve func(net.Conn)) string {
	l, err := accept.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				if conn.(*accept.Conn).Respond(nil) != nil {
					_ = conn.Close()
					return
				}
				serve(conn)
			}()
		}
	}()
	return "h2c://" + l.Addr().String()
}

// A handshake that began under the plan before reaches backends that both have over the same links, which go on after it.
func TestReloadDuringHandshakeOfSameBackends(t *testing.T) {
	t.Parallel()
	slow := serve(t, true, text(""))
	backend := pooledBackend(t, func(conn net.Conn) { (&storm{wrong: make(chan error, 1)}).serve(conn) })
	config := func(idle string) string {
		return "pool-min: 0\nidle-timeout: " + idle + "\nroutes: [{name: a, match: {path: /a}, auth-url: '" + slow.URL + "', upstream: '" + backend + "'}]"
	}
	g := startReloading(t, config("1m"))
	c := &crossing{rig: g, t: t}
	p := c.clear()
	p.write(handshake("/a"))
	await(t, slow.came, "the question to the service")
	g.to(config("2m"))
	slow.release()
	p.wantStatus(101)
	p = c.clear()
	p.write(handshake("/a"))
	p.wantStatus(101)
}

// A gateway that drains takes no other configuration, and says so without blaming it. A reload under way does not hold it up.
func TestReloadDuringDrain(t *testing.T) {
	t.Parallel()
	one := saysName(t, "one")
	text := "upstream: " + one
	g := startReloadingWith(t, text, func(c *config.Config) { c.DrainTimeout, c.CloseTimeout = 4*time.Second, 2*time.Second })
	c := dial(t, url(g))
	g.next.Store(parse(t, text+"\nmax-message-size: 1MiB"))
	g.Drain()
	if status, text := ask(t, g, "POST", "/reload"); status != http.StatusConflict {
		t.Errorf("%d %s while draining", status, text)
	}
	var busy *admin.BusyError
	if _, err := g.Reload(); !errors.As(err, &busy) {
		t.Errorf("a reload while draining: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, _, err := c.Read(ctx); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("the session ended with %v", err)
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := g.Reload(); !errors.As(err, &busy) {
		t.Errorf("a reload after the end: %v", err)
	}
}

// A drain that begins during a reload waits for it, and everything ends.
func TestDrainDuringReload(t *testing.T) {
	t.Parallel()
	one := saysName(t, "one")
	for range 5 {
		g := startReloading(t, "upstream: "+one)
		cfg := parse(t, "upstream: "+one)
		stop, twice := make(chan struct{}), make(chan struct{})
		ended := make(chan error, 1)
		go func() {
			for n := 0; ; n++ {
				g.next.Store(cfg.With(func(c *config.Config) { c.ConnectRetries, c.DrainTimeout = n%3, 10*time.Millisecond })) // other fleets
				_, err := g.Reload()
				if n == 2 {
					close(twice)
				}
				select {
				case <-stop:
					ended <- err
					return
				default:
				}
			}
		}()
		await(t, twice, "two reloads")
		g.Drain()
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
		close(stop)
		if err := <-ended; err == nil {
			t.Error("a reload after the end")
		}
	}
}

// What is found wrong only when a configuration is put to use tells where it stands in the file, as what is found before
// does; where routes have it from the top level, once.
func TestReloadErrorsTellTheLine(t *testing.T) {
	t.Parallel()
	one := saysName(t, "one")
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	weir, bad := filepath.Join(dir, "weir.yaml"), file("bad.pem", "nonsense")
	good := file("list", "10.0.0.1\n")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	base := strings.TrimPrefix(reloadBase, "\n") + "upstream: " + one + "\n"
	at := strings.Count(base, "\n") + 1
	line := func(n int, rest string) string { return fmt.Sprintf("%s:%d: %s", weir, at+n, rest) }
	load := func() (*config.Config, error) { return config.Load([]string{"--config", weir}, nil) }
	file("weir.yaml", base+"listen: 127.0.0.1:0\n")
	cfg, err := load()
	if err != nil {
		t.Fatal(err)
	}
	var out logs
	g := run(t, &out, cfg, gateway.OnReload(load, nil))
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"top level, for all routes": {"upstream-ca: " + bad + "\nroutes: [{name: a, match: {path: /a}}, {name: b, match: {path: /b}}]\n", []string{line(0, "upstream-ca: "+bad+" holds no certificate in PEM form")}},
		"a route's own":             {"routes:\n- {name: a, match: {path: /a}}\n- name: b\n  match: {path: /b}\n  upstream-ca: /nowhere\n", []string{line(4, "routes[1]: upstream-ca: there is no file /nowhere: check the path")}},
		"several": {"allow-file: " + good + "\ndeny-file: " + bad + "\nroutes:\n- {name: a, match: {path: /a}, basic-users: /no/users, api-keys: /no/keys}\n",
			[]string{line(1, "deny-file: "+bad+":1: "), line(3, "routes[0]: basic-users: there is no file /no/users: check the path")}},
		"certificate": {"tls-listen: 127.0.0.1:0\ntls-cert: " + bad + "\ntls-key: " + bad + "\n", []string{line(1, "tls-cert: with key "+bad+": there is no CERTIFICATE block")}},
		"key":         {"tls-listen: 127.0.0.1:0\ntls-cert: " + bad + "\ntls-key: /no/key\n", []string{line(2, "tls-key: there is no file /no/key: check the path")}},
		"address":     {"listen: 127.0.0.1:0, " + taken.Addr().String() + "\n", []string{line(0, "listen: cannot listen on "+taken.Addr().String())}},
	} {
		file("weir.yaml", base+test.text)
		status, got := ask(t, g, "POST", "/reload")
		for _, want := range test.want {
			if status != 422 || strings.Count(got, want) != 1 {
				t.Errorf("%s: %d\n%s want once\n%s", name, status, got, want)
			}
			if !eventually(func() bool { return strings.Contains(out.String(), strings.ReplaceAll(want, `"`, `\"`)) }) {
				t.Errorf("%s: the log does not say %s", name, want)
			}
		}
	}
}
