package gateway_test

import (
	"net"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// TestConnectionLimits fills the gateway up; the places come back, one for each session that ends.
func TestConnectionLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*config.Config)
		status int
		reason string
	}{
		{"in all", func(cfg *config.Config) { cfg.MaxConnections = 3 }, 503, "too_many_connections"},
		{"per address", func(cfg *config.Config) { cfg.MaxConnectionsPerIP = 3 }, 429, "too_many_connections_per_ip"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := listen(t)
			g := start(t, func(cfg *config.Config) { c.change(cfg); cfg.Loops, cfg.CloseTimeout = 2, 100*time.Millisecond }, b.url())
			var clients, servers [3]*peer
			for i := range clients {
				clients[i], servers[i] = session(t, g, b)
			}
			for range 5 { // a refused one holds no place
				late := connect(t, g)
				late.write(handshake("/", "X-Forwarded-For: 10.9.8.7"))
				if m := late.wantStatus(c.status); m.fields.Get("Retry-After") == "" {
					t.Errorf("no Retry-After in %q", m.text)
				}
			}
			b.wantUntouched()
			wantMetric(t, g, `weir_sessions_refused_total{reason="`+c.reason+`"}`, 5)
			for i := range clients {
				_ = clients[i].conn.Close()
				servers[i].wantEnd()
			}
			wantMetric(t, g, "weir_sessions_open", 0)
			for range 3 {
				session(t, g, b)
			}
		})
	}
}

// TestPlacesComeBack after handshakes that failed in every way.
func TestPlacesComeBack(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) {
		cfg.MaxConnections, cfg.MaxConnectionsPerIP, cfg.CloseTimeout = 1, 1, 100*time.Millisecond
	}, b.url())
	fail := []func(client *peer){
		func(*peer) { b.accept().write(head("HTTP/1.1 403 Forbidden", "Content-Length: 0")) },
		func(*peer) { b.accept().write("rubbish") },
		func(*peer) { _ = b.accept().conn.Close() },
		func(client *peer) { p := b.accept(); _ = client.conn.Close(); p.rest() },
		func(client *peer) {
			p := b.accept()
			client.reset()
			p.rest()
		},
	}
	for range 3 {
		for _, f := range fail {
			client := connect(t, g)
			client.write(handshake("/"))
			f(client)
			_ = client.conn.Close()
			wantMetric(t, g, "weir_client_connections", 0)
		}
	}
	session(t, g, b)
}

// TestStorm has many clients come at once to a gateway that is almost full: those beyond the limit are shed with
// 503, and the session that stands does not notice.
func TestStorm(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { cfg.MaxConnections, cfg.HandshakeTimeout = 1, 8*patience }, b.url())
	client, server := session(t, g, b)
	late := make([]*peer, 100)
	for i := range late {
		late[i] = connect(t, g)
	}
	for _, p := range late {
		p.write(handshake("/"))
		client.send(ws.OpText, "up")
		server.want(ws.OpText, "up")
		server.send(ws.OpText, "down")
		client.want(ws.OpText, "down")
	}
	for _, p := range late {
		p.wantStatus(503)
	}
	b.wantUntouched()
}

// TestSilentClients of one address take no more of the door than they could of the gateway, and others still come in.
func TestSilentClients(t *testing.T) {
	t.Parallel()
	b := listen(t)
	g := start(t, func(cfg *config.Config) { cfg.Loops, cfg.MaxConnectionsPerIP = 1, 20 }, b.url())
	var silent []*peer
	for range 50 {
		p := connect(t, g)
		p.write("GET / HTTP/1.1\r\n")
		silent = append(silent, p)
	}
	wantMetric(t, g, `weir_sessions_refused_total{reason="too_many_connections_per_ip"}`, 30)
	for _, p := range silent[20:] {
		p.wantEnd()
	}
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}, Timeout: patience}
	conn, err := d.Dial("tcp", g.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	other := newPeer(t, conn, true)
	other.write(handshake("/"))
	b.accept().upgrade()
	other.wantStatus(101)
	for _, p := range silent[:20] {
		_ = p.conn.Close()
	}
	wantMetric(t, g, "weir_client_connections", 1)
	for range 20 { // each admitted one has left the door
		session(t, g, b)
	}
	connect(t, g).write(handshake("/"))
	wantMetric(t, g, `weir_sessions_refused_total{reason="too_many_connections_per_ip"}`, 31)
}
