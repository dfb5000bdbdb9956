package gateway_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/admin"
	"weir/gateway/config"
	"weir/upstream/accept"
)

// moving is a gateway before two backends, of which the second one serves only sessions that the first one does not.
type moving struct {
	*rig
	first, second *backend
}

func eachMoving(t *testing.T, change func(*config.Config), test func(t *testing.T, m *moving)) {
	t.Helper()
	for _, way := range ways[:2] {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			back := listen
			if way == "pool" {
				back = listenPool
			}
			m := &moving{first: back(t), second: back(t)}
			m.rig = start(t, func(cfg *config.Config) {
				cfg.OnBackendLoss, cfg.CloseTimeout, cfg.DrainTimeout, cfg.PoolSpread = config.LossReopen, 2*time.Second, 200*time.Millisecond, 0
				if change != nil {
					change(cfg)
				}
			}, m.first.url(), m.second.url()+"#backup")
			test(t, m)
		})
	}
}

// session opens one at the first backend.
func (m *moving) session(lines ...string) (client, server *peer) {
	return m.sessionOf(connect(m.t, m.rig), lines...)
}

func (m *moving) sessionOf(who *peer, lines ...string) (client, server *peer) {
	client = who
	client.write(handshake("/room?a=b", append([]string{"Cookie: user=ada", "Sec-WebSocket-Protocol: chat, other"}, lines...)...))
	server = m.first.accept()
	server.upgrade("Sec-WebSocket-Protocol: chat")
	client.wantStatus(101)
	return client, server
}

// accepts gives the session's new backend, which got the same handshake.
func (m *moving) accepts(reason string) *peer {
	m.t.Helper()
	p := m.second.accept()
	q := p.upgrade("Sec-WebSocket-Protocol: chat")
	if got := q.fields.Get("Weir-Reopen"); got != "1; reason="+reason {
		m.t.Errorf("told %q, want reason %s", got, reason)
	}
	if q.fields.Get("Cookie") != "user=ada" || q.fields.Get("Sec-WebSocket-Protocol") != "chat, other" || q.text != "" && !strings.Contains(q.first, "/room?a=b") {
		m.t.Errorf("another handshake: %q, %v", q.first, q.fields)
	}
	return p
}

// talk has a message go each way.
func talk(client, server *peer) {
	client.t.Helper()
	client.send(ws.OpText, "up")
	server.want(ws.OpText, "up")
	server.send(ws.OpText, "down")
	client.want(ws.OpText, "down")
}

// TestSessionOutlivesItsBackend: the client hears nothing of an end that is the backend's own.
func TestSessionOutlivesItsBackend(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(p *peer){
		"backend_lost":  func(p *peer) { p.reset() },
		"backend_gone":  func(p *peer) { _ = p.conn.CloseWrite() },
		"backend_close": func(p *peer) { p.sendClose(1001) },
	} {
		t.Run(name, func(t *testing.T) {
			eachMoving(t, nil, func(t *testing.T, m *moving) {
				reason := name
				client, server := m.session()
				talk(client, server)
				end(server)
				if reason == "backend_close" {
					server.wantClose(1001)
					_ = server.conn.Close()
				}
				if reason == "backend_lost" {
					reason = lost(server)
				}
				next := m.accepts(reason)
				talk(client, next)
				wantMetric(t, m.rig, `weir_moves_total{reason="`+reason+`",outcome="moved"}`, 1)
				next.sendClose(4007)
				client.wantClose(4007)
			})
		})
	}
}

// TestMoveWithoutLoss: a drained endpoint's session is opened elsewhere first; what the old backend still says comes before what the
// new one says.
func TestMoveWithoutLoss(t *testing.T) {
	t.Parallel()
	eachMoving(t, func(cfg *config.Config) { cfg.ReopenNotice = "moved" }, func(t *testing.T, m *moving) {
		client, server := m.session()
		talk(client, server)
		m.drainFirst()
		next := m.second.accept()
		talk(client, server) // until the new one has answered
		next.upgrade("Sec-WebSocket-Protocol: chat")
		next.send(ws.OpText, "first of the new")
		server.wantClose(1001)
		client.send(ws.OpText, "for the new")
		server.send(ws.OpText, "last of the old")
		server.sendClose(1001)
		_ = server.conn.Close()
		client.want(ws.OpText, "last of the old")
		client.want(ws.OpText, "moved")
		client.want(ws.OpText, "first of the new")
		next.want(ws.OpText, "for the new")
		talk(client, next)
		wantMetric(t, m.rig, `weir_moves_total{reason="manual",outcome="moved"}`, 1)
	})
}

// TestMovesWaitForBoundaries: inside a message nothing is moved; behind it, all is.
func TestMovesWaitForBoundaries(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"client", "backend"} {
		t.Run(side, func(t *testing.T) {
			eachMoving(t, nil, func(t *testing.T, m *moving) {
				client, server := m.session()
				from, to := client, server
				if side == "backend" {
					from, to = server, client
				}
				whole := string(from.encode(ws.NewTextFrame([]byte(strings.Repeat("x", 1000)))))
				from.write(whole[:500])
				to.peekSome()
				m.drainFirst()
				next := m.accepts("manual")
				from.write(whole[500:])
				to.want(ws.OpText, strings.Repeat("x", 1000))
				server.wantClose(1001)
				server.sendClose(1001)
				_ = server.conn.Close()
				talk(client, next)
			})
		})
	}
}

// TestMessagesCutByTheBackendsEnd: of one that was under way to it the rest is dropped; one that was under way to the client ends
// the session.
func TestMessagesCutByTheBackendsEnd(t *testing.T) {
	t.Parallel()
	eachMoving(t, nil, func(t *testing.T, m *moving) {
		client, server := m.session()
		half := string(client.encode(ws.NewFrame(ws.OpText, false, []byte("begin"))))
		last := string(client.encode(ws.NewFrame(ws.OpContinuation, true, []byte("end of what was begun"))))
		client.write(half + last[:10])
		if f, err := server.next(); err != nil || string(f.Payload) != "begin" {
			t.Fatal(f, err)
		}
		server.peekSome()
		server.reset()
		next := m.accepts(lost(server))
		client.write(last[10:])
		talk(client, next)
		wantMetric(t, m.rig, "weir_moves_cut_messages_total", 1)
		next.write(string(next.encode(ws.NewFrame(ws.OpText, false, []byte("begin")))))
		if f, err := client.next(); err != nil || string(f.Payload) != "begin" {
			t.Fatal(f, err)
		}
		next.reset()
		client.wantClose(1011)
	})
}

// TestMoveThatIsRefused leaves a session where it is; one whose backend is gone ends.
func TestMoveThatIsRefused(t *testing.T) {
	t.Parallel()
	eachMoving(t, nil, func(t *testing.T, m *moving) {
		client, server := m.session()
		m.drainFirst()
		m.second.accept().refuse()
		wantMetric(t, m.rig, `weir_moves_total{reason="manual",outcome="refused"}`, 1)
		talk(client, server)
		server.reset()
		m.second.accept().refuse()
		client.wantClose(1011)
	})
}

// TestMoveToAnotherAgreement is none.
func TestMoveToAnotherAgreement(t *testing.T) {
	t.Parallel()
	eachMoving(t, func(cfg *config.Config) { cfg.DrainCode = 1012 }, func(t *testing.T, m *moving) {
		client, server := m.session()
		server.reset()
		m.second.accept().upgrade("Sec-WebSocket-Protocol: other")
		client.wantClose(1012)
		wantMetric(t, m.rig, `weir_sessions_closed_total{reason="reopen_mismatch",code="1012"}`, 1)
	})
}

func (p *peer) refuse() {
	p.t.Helper()
	p.asked()
	if stream, ok := p.conn.(*accept.Conn); ok {
		_ = stream.Refuse(403, nil, "")
		return
	}
	p.write(head("HTTP/1.1 403 Forbidden", "Content-Length: 0"))
}

// lost is the reason where a backend's connection breaks. A stream's end is one like any other.
func lost(server *peer) string {
	if server.tcp == nil {
		return "backend_gone"
	}
	return "backend_lost"
}

// peekSome waits until something has come.
func (p *peer) peekSome() {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := p.in.Peek(1); err != nil {
		p.t.Fatal(err)
	}
}

// drainFirst drains the first backend by hand.
func (m *moving) drainFirst() {
	m.t.Helper()
	var list []admin.Endpoint
	wantJSON(m.t, m.rig, "/endpoints", &list)
	for _, e := range list {
		if e.Endpoint == m.first.url() {
			if status, body := ask(m.t, m.rig, "POST", "/endpoints/"+e.ID+"/drain"); status != 200 {
				m.t.Fatal(status, body)
			}
		}
	}
}

// TestSessionLeavesAConnectionThatIsToEnd: a pooled backend that shuts down in order loses its sessions to another one at once.
func TestSessionLeavesAConnectionThatIsToEnd(t *testing.T) {
	t.Parallel()
	m := &moving{first: listenPool(t), second: listenPool(t)}
	m.rig = start(t, func(cfg *config.Config) {
		cfg.OnBackendLoss, cfg.CloseTimeout, cfg.DrainTimeout = config.LossReopen, 2*time.Second, 200*time.Millisecond
	}, m.first.url(), m.second.url()+"#backup")
	client, server := m.session()
	over := make(chan error, 1)
	go func() { over <- m.first.pool.Shutdown(t.Context()) }()
	next := m.accepts("goaway")
	server.wantClose(1001)
	server.sendClose(1001)
	_ = server.conn.Close()
	talk(client, next)
	if err := <-over; err != nil {
		t.Error(err)
	}
}

// TestEndpointDrainCloses the sessions of routes that do not move them.
func TestEndpointDrainCloses(t *testing.T) {
	t.Parallel()
	eachMoving(t, func(cfg *config.Config) { cfg.OnBackendLoss, cfg.EndpointDrain = config.LossClose, time.Second }, func(t *testing.T, m *moving) {
		client, server := m.session()
		m.drainFirst()
		client.wantClose(1001)
		client.sendClose(1001)
		server.wantClose(1001)
		wantMetric(t, m.rig, `weir_sessions_closed_total{reason="endpoint_drain",code="1001"}`, 1)
	})
}

// TestReloadMoves the sessions of a backend that the new configuration does not have.
func TestReloadMoves(t *testing.T) {
	t.Parallel()
	for _, drains := range []string{"0", "1s"} {
		t.Run(drains, func(t *testing.T) {
			t.Parallel()
			first, second := listen(t), listen(t)
			text := "http: false\non-backend-loss: reopen\nreload-drain: " + drains + "\nupstream: "
			m := &moving{rig: startReloading(t, text+first.url()+"\n"), first: first, second: second}
			client, server := m.session()
			m.to(text + second.url() + "\n")
			next := m.accepts("leaving")
			server.wantClose(1001)
			server.sendClose(1001)
			_ = server.conn.Close()
			talk(client, next)
		})
	}
}

// TestOnlyBackendStartsAgain: sessions wait for it, up to reopen-wait.
func TestOnlyBackendStartsAgain(t *testing.T) {
	t.Parallel()
	b := listen(t)
	m := &moving{first: b}
	m.rig = start(t, func(cfg *config.Config) { cfg.OnBackendLoss, cfg.ReopenWait = config.LossReopen, patience }, b.url())
	client, server := m.session()
	addr := b.ln.Addr().String()
	_ = b.ln.Close()
	server.reset()
	failures := `weir_endpoint_connect_failures_total{endpoint="` + b.url() + `",route="default"}`
	if !eventually(func() bool { return metric(t, m.rig, failures) >= 2 }) {
		t.Fatal("it was not tried again")
	}
	m.second = listenOn(t, addr)
	talk(client, m.accepts("backend_lost"))
}
