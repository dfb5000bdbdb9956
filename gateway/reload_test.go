package gateway_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"weir/gateway"
	"weir/gateway/config"
	"weir/internal/freeport"
)

// reread reloads, and gives all that could not be read as an error.
func reread(g interface {
	Reload() (gateway.Report, error)
}) error {
	r, err := g.Reload()
	for _, text := range r.Warnings {
		err = errors.Join(err, errors.New(text))
	}
	return err
}

// saysName is a backend that answers each message with its name.
func saysName(t testing.TB, name string) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		for {
			kind, b, err := c.Read(r.Context())
			if err != nil {
				return
			}
			if c.Write(r.Context(), kind, append([]byte(name+" "), b...)) != nil {
				return
			}
		}
	}))
	t.Cleanup(srv.Close)
	return strings.Replace(srv.URL, "http://", "ws://", 1)
}

// says sends a message and expects its answer.
func says(t testing.TB, c *websocket.Conn, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.Write(ctx, websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, got, err := c.Read(ctx); err != nil || string(got) != want+" hello" {
		t.Fatalf("%q, %v, want %s", got, err, want)
	}
}

// Newcomers get the new configuration, sessions keep the old one, and the report says what has changed.
func TestReloadChangesRoutes(t *testing.T) {
	t.Parallel()
	one, two := saysName(t, "one"), saysName(t, "two")
	g := startReloading(t, "routes: [{name: a, match: {path: /a}, upstream: '"+one+"'}, {name: b, match: {path: /b}, upstream: '"+one+"'}]")
	old := dial(t, url(g)+"a")
	r := g.to("routes: [{name: a, match: {path: /a}, upstream: '" + two + "'}, {name: c, match: {path: /c}, upstream: '" + one + "', idle-timeout: 3s}]")
	if r.Generation != 2 || !slices.Equal(r.RoutesAdded, []string{"c"}) || !slices.Equal(r.RoutesRemoved, []string{"b"}) ||
		!reflect.DeepEqual(r.RoutesChanged, []config.RouteChange{{Route: "a", Knobs: []string{"upstream"}}}) || !slices.Equal(r.BackendsAdded, []string{two}) {
		t.Errorf("%+v", r)
	}
	says(t, old, "one")
	says(t, dial(t, url(g)+"a"), "two")
	says(t, dial(t, url(g)+"c"), "one")
	if _, answer, err := websocket.Dial(t.Context(), url(g)+"b", nil); err == nil || answer == nil || answer.StatusCode != 404 {
		t.Errorf("a route that has gone: %v, %v", answer, err)
	}
	wantMetric(t, g, `weir_plan_sessions{generation="1"}`, 1)
	_ = old.CloseNow()
	wantMetric(t, g, `weir_plan_sessions{generation="1"}`, 0)
	wantMetric(t, g, "weir_config_generation", 2)
	wantMetric(t, g, "weir_config_reloads_total", 1)
}

// What cannot be put into force changes nothing.
func TestReloadFails(t *testing.T) {
	t.Parallel()
	one := saysName(t, "one")
	g := startReloading(t, "upstream: "+one)
	for _, text := range []string{
		"upstream: " + one + "\nallow-file: /nowhere/allowed",
		"upstream: " + one + "\nlisten: 127.0.0.1:0,192.0.2.1:1",
		"upstream: " + one + "\ntls-listen: 127.0.0.1:0\ntls-cert: /nowhere/a.pem\ntls-key: /nowhere/a.key",
	} {
		if r, err := g.try(text); err == nil {
			t.Errorf("%s: %+v", text, r)
		}
		says(t, dial(t, url(g)), "one")
	}
	wantMetric(t, g, "weir_config_generation", 1)
	wantMetric(t, g, "weir_config_reload_failures_total", 3)
}

// Listeners come, go and change to TLS; who came through one that has gone stays.
func TestReloadChangesListeners(t *testing.T) {
	t.Parallel()
	one := saysName(t, "one")
	ca, dir := newAuthority(t), t.TempDir()
	cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	ca.server(cert, key, "weir.test")
	g := startReloading(t, "upstream: "+one)
	old := dial(t, url(g))
	second := freeport.Addr(t)
	r := g.to("upstream: " + one + "\ntls-listen: " + second + "\ntls-cert: " + cert + "\ntls-key: " + key)
	if !slices.Equal(r.ListenersAdded, []string{second + " with TLS"}) {
		t.Errorf("%+v", r)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.pool, ServerName: "weir.test"}}}
	secure, _, err := websocket.Dial(t.Context(), "wss://"+second, &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		t.Fatal(err)
	}
	defer secure.CloseNow()
	says(t, secure, "one")
	g.to("upstream: " + one + "\nlisten: 127.0.0.1:0," + second)
	clear := dial(t, "ws://"+second)
	for _, c := range []*websocket.Conn{old, secure, clear} {
		says(t, c, "one")
	}
	g.to("upstream: " + one)
	if c, err := net.Dial("tcp", second); err == nil {
		_ = c.Close()
		t.Error("a listener that has gone still accepts")
	}
	for _, c := range []*websocket.Conn{old, secure, clear} {
		says(t, c, "one")
	}
}

// A connection whose TLS was made under other rules for client certificates is of no use any more: its next request is
// answered with 421, and a new connection is judged by the new rules.
func TestReloadChangesClientAuth(t *testing.T) {
	t.Parallel()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("hello")) }))
	t.Cleanup(backend.Close)
	ca, dir := newAuthority(t), t.TempDir()
	cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	ca.server(cert, key, "weir.test")
	for _, protocol := range []string{"h2", "http/1.1"} {
		secure := "upstream: " + strings.Replace(backend.URL, "http:", "ws:", 1) + "\ntls-listen: " + freeport.Addr(t) + "\ntls-cert: " + cert + "\ntls-key: " + key
		g := startReloading(t, secure)
		at := g.Addrs()[1].String()
		transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: ca.pool, ServerName: "weir.test", NextProtos: []string{protocol}}}
		t.Cleanup(transport.CloseIdleConnections)
		dials := 0
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			dials++
			return new(net.Dialer).DialContext(ctx, "tcp", at)
		}
		client := &http.Client{Transport: transport}
		get := func() (status int, err error) {
			answer, err := client.Get("https://weir.test/")
			if err != nil {
				return 0, err
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
			return answer.StatusCode, nil
		}
		if status, err := get(); status != 200 || err != nil {
			t.Fatalf("%s: %d, %v", protocol, status, err)
		}
		g.to(secure + "\nmax-message-size: 1MiB") // nothing to do with it
		if status, err := get(); status != 200 || err != nil || dials != 1 {
			t.Fatalf("%s: %d, %v, %d connections", protocol, status, err, dials)
		}
		g.to(secure + "\ntls-client-ca: " + ca.file + "\nsites: [{server-name: weir.test, client-auth: require}]")
		if status, err := get(); status != 421 || err != nil || dials != 1 {
			t.Errorf("%s: %d, %v, %d connections, want 421 on the first", protocol, status, err, dials)
		}
		if !eventually(func() bool { // it may take the client a moment to be told that the connection ends
			status, err := get()
			if err == nil && status != 421 {
				t.Errorf("%s: without a certificate: %d", protocol, status)
			}
			return dials > 1
		}) {
			t.Errorf("%s: the connection stays in use", protocol)
		}
	}
}

// A file that was named before and no longer loads stays as it was, also where other knobs of its kind change; the report
// says so. One that is newly named has to load.
func TestReloadKeepsWhatNoLongerLoads(t *testing.T) {
	t.Parallel()
	one, ca, dir := saysName(t, "one"), newAuthority(t), t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	ca.server(cert, key, "weir.test")
	users := file("users", "ada:"+fmt.Sprintf("%x", sha256.Sum256([]byte("secret")))+"\n")
	deny := file("deny", "192.0.2.0/24\n")
	authorities := filepath.Join(dir, "authorities.pem")
	if err := os.Link(ca.file, authorities); err != nil {
		t.Fatal(err)
	}
	text := "upstream: " + one + "\nupstream-ca: " + authorities + "\nbasic-users: " + users + "\ndeny-file: " + deny + "\ntls-listen: " + freeport.Addr(t) + "\ntls-cert: " + cert + "\ntls-key: " + key
	g := startReloading(t, text)
	visit := func() {
		t.Helper()
		header := http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("ada:secret"))}}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.pool, ServerName: "weir.test"}}}
		c, _, err := websocket.Dial(t.Context(), "wss://"+g.Addrs()[1].String(), &websocket.DialOptions{HTTPClient: client, HTTPHeader: header})
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseNow()
		says(t, c, "one")
		if _, answer, err := websocket.Dial(t.Context(), url(g), nil); err == nil || answer.StatusCode != 401 {
			t.Error("let in without a password")
		}
	}
	visit()
	file("users", "nonsense")
	file("deny", "nonsense")
	_, _ = os.Remove(cert), os.Remove(authorities)
	r := g.to(text + "\nauth-optional: false\nauth-strip: true\norigin: '*'\ntls-min-version: 1.3")
	for knob, name := range map[string]string{"basic-users": users, "deny-file": deny, "tls-cert": cert, "upstream-ca": authorities} {
		if !slices.ContainsFunc(r.Warnings, func(w string) bool {
			return strings.Contains(w, ": "+knob+": ") && strings.Contains(w, name) && strings.Contains(w, "weir.yaml:")
		}) {
			t.Errorf("%s of %s is not among the warnings %q, with its line", name, knob, r.Warnings)
		}
	}
	visit()
	if r, err := g.try(strings.Replace(text, users, file("new", "nonsense"), 1)); err == nil {
		t.Errorf("a new file that does not load: %+v", r)
	}
	visit()
}

// Limits of connections hold for newcomers as soon as they are changed, up and down; who is in stays.
func TestReloadChangesLimits(t *testing.T) {
	t.Parallel()
	one := saysName(t, "one")
	g := startReloading(t, "upstream: "+one+"\nmax-connections: 2")
	full := func(want int) {
		t.Helper()
		_, answer, err := websocket.Dial(t.Context(), url(g), nil)
		if err == nil || answer == nil || answer.StatusCode != want {
			t.Errorf("one too many: %v, want %d", err, want)
		}
	}
	all := []*websocket.Conn{dial(t, url(g)), dial(t, url(g))}
	full(503)
	g.to("upstream: " + one + "\nmax-connections: 3")
	all = append(all, dial(t, url(g)))
	full(503)
	g.to("upstream: " + one + "\nmax-connections: 1")
	full(503)
	g.to("upstream: " + one + "\nmax-connections-per-ip: 1")
	all = append(all, dial(t, url(g))) // the first that is told apart
	full(429)
	for _, c := range all {
		says(t, c, "one")
	}
}
