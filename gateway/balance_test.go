package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/admin"
	"weir/gateway/config"
)

// sessionsOf tells how many each backend has, in their order.
func sessionsOf(t testing.TB, g *rig, backends []string) (counts []int64) {
	t.Helper()
	var sum admin.Summary
	wantJSON(t, g, "/sessions", &sum)
	for _, b := range backends {
		counts = append(counts, sum.PerEndpoint[b])
	}
	return counts
}

func (r *rig) openMany(n int) {
	r.t.Helper()
	for i := range n {
		c := connect(r.t, r)
		c.write(handshake(fmt.Sprint("/", i)))
		c.wantStatus(101)
	}
}

// TestBalanceLeast: what is open counts, also when the backends change.
func TestBalanceLeast(t *testing.T) {
	t.Parallel()
	backends := []string{echo(t), echo(t), echo(t)}
	text := "http: false\nbalance: least\nupstream: [" + strings.Join(backends, ", ")
	g := startReloading(t, text+"]\n")
	g.openMany(9)
	if got := sessionsOf(t, g, backends); !slices.Equal(got, []int64{3, 3, 3}) {
		t.Errorf("9 sessions are %v", got)
	}
	backends = append(backends, echo(t))
	g.to(text + ", " + backends[3] + "]\n")
	g.openMany(3)
	if got := sessionsOf(t, g, backends); !slices.Equal(got, []int64{3, 3, 3, 3}) {
		t.Errorf("a fourth backend joined, and 12 sessions are %v", got)
	}
}

// TestEndpointFull: a cap holds whatever chooses; beyond it a handshake is refused by a name of its own.
func TestEndpointFull(t *testing.T) {
	t.Parallel()
	for _, balance := range []string{"hash", "least", "two", "round-robin"} {
		t.Run(balance, func(t *testing.T) {
			t.Parallel()
			backends := []string{echo(t), echo(t), echo(t)}
			g := startReloading(t, "http: false\nsticky-cookie: at\nbalance: "+balance+"\nupstream: ["+backends[0]+"#max=2, "+backends[1]+"#max=2, "+backends[2]+"#max=1&backup]\n")
			c := connect(t, g)
			c.write(handshake("/"))
			cookie, _, _ := strings.Cut(c.wantStatus(101).fields.Get("Set-Cookie"), ";")
			g.openMany(3)
			if got := sessionsOf(t, g, backends); !slices.Equal(got, []int64{2, 2, 0}) {
				t.Errorf("4 sessions are %v", got)
			}
			g.openMany(1)
			for range 2 { // the cap holds for who comes back, too: nobody is well but full
				last := connect(t, g)
				last.write(handshake("/", "Cookie: "+cookie))
				last.wantStatus(503)
			}
			wantMetric(t, g, `weir_sessions_refused_total{reason="endpoint_full"}`, 2)
			_ = c.conn.Close()
			wantMetric(t, g, "weir_sessions_open", 4)
			g.openMany(1)
		})
	}
}

// TestDrainEndpointByHand: no new sessions, whatever cookie they bring; it outlasts reloads, until it is undone.
func TestDrainEndpointByHand(t *testing.T) {
	t.Parallel()
	backends := []string{echo(t), echo(t)}
	text := "http: false\nsticky-cookie: at\nendpoint-header: X-Endpoint\nupstream: [" + strings.Join(backends, ", ") + "]\n"
	g := startReloading(t, text)
	c := connect(t, g)
	c.write(handshake("/"))
	m := c.wantStatus(101)
	cookie, _, _ := strings.Cut(m.fields.Get("Set-Cookie"), ";")
	own := m.fields.Get("X-Endpoint")
	var list []admin.Endpoint
	wantJSON(t, g, "/endpoints", &list)
	id := list[slices.IndexFunc(list, func(e admin.Endpoint) bool { return e.Endpoint == own })].ID
	change := func(what string) admin.Endpoint {
		t.Helper()
		status, body := ask(t, g, "POST", "/endpoints/"+id+"/"+what)
		var now []admin.Endpoint
		if err := json.Unmarshal([]byte(body), &now); status != 200 || err != nil || len(now) != 1 {
			t.Fatalf("%s: %d, %s", what, status, body)
		}
		return now[0]
	}
	isThere := func(want bool, when string) {
		t.Helper()
		if got := chosen(t, g, handshake("/", "Cookie: "+cookie)) == own; got != want {
			t.Errorf("%s: the cookie led to its endpoint: %v", when, got)
		}
	}
	isThere(true, "before")
	if e := change("drain"); e.State != "draining" || !slices.Equal(e.Causes, []string{"manual"}) || e.Sessions == 0 {
		t.Errorf("drained: %+v", e)
	}
	isThere(false, "drained")
	g.to(text + "balance-factor: 9\n")
	isThere(false, "after a reload")
	g.to(text)
	isThere(false, "after another")
	for _, e := range list {
		if e.ID != id {
			ask(t, g, "POST", "/endpoints/"+e.ID+"/drain")
		}
	}
	none := connect(t, g)
	none.write(handshake("/"))
	none.wantStatus(503) // where nobody is left, panic does not bring back what was drained
	if status, _ := ask(t, g, "GET", "/readyz"); status != 503 {
		t.Errorf("ready with status %d, although all backends are drained", status)
	}
	for _, e := range list {
		if e.ID != id {
			ask(t, g, "POST", "/endpoints/"+e.ID+"/enable")
		}
	}
	if e := change("enable"); e.State == "draining" || e.Causes != nil {
		t.Errorf("enabled: %+v", e)
	}
	isThere(true, "enabled")
	if e := change("weight?n=7"); e.Weight != 7 {
		t.Errorf("weighed: %+v", e)
	}
	g.to(text + "balance-factor: 9\n")
	if e := change("weight?n=0"); e.Weight != 1 {
		t.Errorf("weighed again: %+v", e)
	}
	for path, want := range map[string]int{"/endpoints/nobody/drain": 404, "/endpoints/" + id + "/close": 404, "/endpoints/" + id + "/weight": 400, "/endpoints/" + id + "/weight?n=1001": 400} {
		if status, body := ask(t, g, "POST", path); status != want {
			t.Errorf("%s: %d, %s", path, status, body)
		}
	}
}

// fromElsewhere are field lines that make each request another client's.
func fromElsewhere() func() string {
	var n atomic.Int32
	return func() string { return fmt.Sprintf("X-Forwarded-For: 192.0.2.%d", n.Add(1)) }
}

// TestStoppedBackend: one whose system accepts while it answers nobody is out within three answers.
func TestStoppedBackend(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"ws", "h2c"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			stopped, well := listen(t), echo(t) // nobody accepts
			g := start(t, func(cfg *config.Config) {
				cfg.EndpointHeader, cfg.BackendTimeout, cfg.ConnectTimeout = "X-Endpoint", 200*time.Millisecond, 200*time.Millisecond
				cfg.Balance = config.BalanceRoundRobin
			}, scheme+"://"+stopped.ln.Addr().String(), well)
			refused := 0
			for range 20 {
				c := connect(t, g)
				c.write(handshake("/"))
				if m := c.head(); strings.Contains(m.first, " 504 ") {
					refused++
				}
				_ = c.conn.Close()
			}
			if refused > 3 {
				t.Errorf("%d clients had to find out", refused)
			}
		})
	}
}

// TestBackendThatEndsEarly is taken out if it ends in a way that no application means; what applications say is theirs.
func TestBackendThatEndsEarly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end func(p *peer)
		out bool
	}{
		"without a word": {func(p *peer) { _ = p.conn.Close() }, true},
		"1011":           {func(p *peer) { p.sendClose(1011) }, true},
		"1014":           {func(p *peer) { p.sendClose(1014) }, true},
		"1000":           {func(p *peer) { p.sendClose(1000) }, false},
		"4001":           {func(p *peer) { p.sendClose(4001) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, elsewhere := listen(t), fromElsewhere()
			g := start(t, func(cfg *config.Config) {
				cfg.TrustedProxies, cfg.CloseTimeout = []string{"127.0.0.1"}, 200*time.Millisecond
				cfg.Upstream = []string{b.url(), echo(t) + "#backup"}
			})
			for range 5 {
				client := connect(t, g)
				client.write(handshake("/", elsewhere()))
				server := b.accept()
				server.upgrade()
				client.wantStatus(101)
				c.end(server)
				if f, err := client.next(); err != nil || f.Header.OpCode != ws.OpClose {
					t.Fatal(f, err)
				}
				_ = client.conn.Close()
				_ = server.conn.Close()
			}
			wantMetric(t, g, `weir_endpoint_downs_total{cause="outlier",endpoint="`+b.url()+`",route="default"}`, map[bool]float64{true: 1}[c.out])
			if c.out {
				client := connect(t, g)
				client.write(handshake("/", elsewhere()))
				client.wantStatus(101)
			}
		})
	}
}

// TestPlainAnswersCountToo, for status 5xx; a client that asks again and again counts once.
func TestPlainAnswersCountToo(t *testing.T) {
	t.Parallel()
	for _, many := range []bool{false, true} {
		t.Run(fmt.Sprint("many clients ", many), func(t *testing.T) {
			t.Parallel()
			sick := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }))
			t.Cleanup(sick.Close)
			elsewhere := fromElsewhere()
			same := elsewhere()
			g := start(t, func(cfg *config.Config) {
				cfg.HTTP, cfg.TrustedProxies = true, []string{"127.0.0.1"}
				cfg.Upstream = []string{sick.URL, echo(t) + "#backup"}
			})
			for range 6 {
				c, from := connect(t, g), same
				if many {
					from = elsewhere()
				}
				c.write(head("GET / HTTP/1.1", "Host: weir.test", "Connection: close", from))
				c.head()
				_ = c.conn.Close()
			}
			wantMetric(t, g, `weir_endpoint_healthy{endpoint="`+strings.Replace(sick.URL, "http", "ws", 1)+`",route="default"}`, map[bool]float64{false: 1}[many])
		})
	}
}
