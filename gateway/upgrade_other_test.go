package gateway_test

import (
	"strings"
	"testing"
	"time"

	"weir/gateway/config"
)

func withTCP(cfg *config.Config) { cfg.UpgradeOther = []string{"other/1", "tcp"} }

const (
	askTCP    = "POST /attach?id=1 HTTP/1.1\r\nHost: weir.test\r\nUpgrade: tcp\r\nConnection: Upgrade\r\nX-Team: a\r\nContent-Length: 0\r\n\r\n"
	switchTCP = "HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\nConnection: Upgrade\r\nX-Node: b\r\n\r\n"
)

// opensTCP has the backend agree, with what it says at once, once the gateway has read all that the client sent.
func opensTCP(t *testing.T, g *rig, p, server *peer, greeting string) {
	t.Helper()
	m := server.head()
	if want := "POST /attach?id=1 HTTP/1.1\r\nHost: weir.test\r\nUpgrade: tcp\r\nConnection: Upgrade\r\nContent-Length: 0\r\n"; !strings.HasPrefix(m.text, want) {
		t.Errorf("the backend was asked %q", m.text)
	}
	if m.fields.Get("X-Team") != "a" || m.fields.Get("X-Forwarded-For") != "127.0.0.1" || strings.Contains(m.text, "Sec-WebSocket") {
		t.Errorf("the backend was asked %q", m.text)
	}
	readByNow(t, g)
	if n := server.in.Buffered(); n > 0 {
		t.Errorf("%d bytes came before the 101", n)
	}
	server.write(switchTCP + greeting)
	if m := p.wantStatus(101); m.fields.Get("Upgrade") != "tcp" || m.fields.Get("Connection") != "Upgrade" || m.fields.Get("X-Node") != "b" || strings.Contains(m.text, "Sec-") {
		t.Errorf("the client was told %q", m.text)
	}
	if got := p.bytes(len(greeting)); got != greeting {
		t.Errorf("the client got %q", got)
	}
}

// wantEcho passes bytes there and back that are no frames.
func wantEcho(t *testing.T, p, server *peer) {
	t.Helper()
	for _, text := range []string{"\x8f\x00\xff", strings.Repeat("0123456789abcdef", 8<<10)} {
		p.write(text)
		if got := server.bytes(len(text)); got != text {
			t.Errorf("the backend got %.40q", got)
		}
		server.write(text)
		if got := p.bytes(len(text)); got != text {
			t.Errorf("the client got %.40q", got)
		}
	}
}

// TestUpgradeOther passes bytes both ways, in clear and over TLS, on a fresh connection and on a kept one; and each side may
// end its direction first.
func TestUpgradeOther(t *testing.T) {
	t.Parallel()
	url, _ := pages(t)
	b := listen(t)
	e := startTLS(t, func(cfg *config.Config) {
		withTCP(cfg)
		cfg.HTTPUpstream, cfg.PingInterval = []string{url}, 100*time.Millisecond
	}, b.url())
	for _, kept := range []bool{false, true} {
		for _, secure := range []bool{false, true} {
			p := e.open(secure)
			if kept {
				p.write(get)
				p.answer()
			}
			p.write(askTCP + "early")
			server := b.accept()
			opensTCP(t, e, p, server, "greeting")
			if got := server.bytes(5); got != "early" {
				t.Errorf("the backend got %q", got)
			}
			wantEcho(t, p, server)
			if kept { // the client ends first
				_ = p.conn.CloseWrite()
				server.wantEnd()
				server.write("last")
				_ = server.conn.CloseWrite()
				if got := string(p.rest()); got != "last" {
					t.Errorf("the client got %q", got)
				}
				continue
			}
			_ = server.conn.CloseWrite()
			if got := p.rest(); len(got) > 0 {
				t.Errorf("the client got %q", got)
			}
			p.write("last")
			_ = p.conn.CloseWrite()
			if got := string(server.rest()); got != "last" {
				t.Errorf("the backend got %q", got)
			}
		}
	}
	wantMetric(t, e, "weir_sessions_open", 0)
	wantMetric(t, e, `weir_sessions_closed_total{reason="client_close",code="none"}`, 2)
	wantMetric(t, e, `weir_sessions_closed_total{reason="backend_close",code="none"}`, 2)
	wantMetric(t, e, "weir_buffered_bytes", 0)
}

// TestUpgradeOtherRefused: what the route does not name stays plain HTTP, and what could be read in two ways goes nowhere.
func TestUpgradeOtherRefused(t *testing.T) {
	t.Parallel()
	url, _ := pages(t)
	b := listen(t)
	served := startTLS(t, func(cfg *config.Config) { withTCP(cfg); cfg.HTTPUpstream = []string{url} }, b.url())
	alone := startTLS(t, func(cfg *config.Config) {
		withTCP(cfg)
		cfg.HTTP, cfg.OriginRequired = false, true
	}, b.url())
	other := strings.Replace(askTCP, "Upgrade: tcp", "Upgrade: tcpx, h2c", 1)
	for _, c := range []struct {
		name   string
		e      *rig
		text   string
		status int
	}{
		{"another name", served, other, 200},
		{"another name, without HTTP", alone, other, 426},
		{"no Connection: Upgrade", served, strings.Replace(askTCP, "Connection: Upgrade\r\n", "", 1), 200},
		{"HTTP/1.0", served, strings.Replace(askTCP, "HTTP/1.1", "HTTP/1.0", 1), 200},
		{"a body", served, strings.Replace(askTCP, "Content-Length: 0", "Content-Length: 3", 1) + "abc", 400},
		{"chunks", served, strings.Replace(askTCP, "Content-Length: 0", "Transfer-Encoding: chunked", 1) + "0\r\n\r\n", 400},
		{"no page", alone, askTCP, 403},
	} {
		for _, kept := range []bool{false, true} {
			if kept && c.e == alone {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				p := connect(t, c.e)
				if kept {
					p.write(get)
					p.answer()
				}
				p.write(c.text)
				if m := p.head(); !strings.Contains(m.first, " "+statusText(c.status)+" ") {
					t.Errorf("got %q", m.text)
				}
			})
		}
	}
	b.wantUntouched()
}

func statusText(status int) string {
	return string(rune('0'+status/100)) + string(rune('0'+status/10%10)) + string(rune('0'+status%10))
}

// TestUpgradeOtherDeclined passes other answers on, and no 101 to something else.
func TestUpgradeOtherDeclined(t *testing.T) {
	t.Parallel()
	b := listen(t)
	e := startTLS(t, withTCP, b.url())
	for _, c := range []struct{ ask, answer, want string }{
		{askTCP, "HTTP/1.1 409 Conflict\r\nContent-Length: 3\r\n\r\nnot", "HTTP/1.1 409 Conflict"},
		{strings.Replace(askTCP, "POST", "HEAD", 1), "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\n", "HTTP/1.1 404 Not Found"},
		{askTCP, strings.Replace(switchTCP, "Upgrade: tcp", "Upgrade: other/1", 1), "HTTP/1.1 502 Bad Gateway"},
		{askTCP, switching(&message{}), "HTTP/1.1 502 Bad Gateway"},
	} {
		p := connect(t, e)
		p.write(c.ask + "smuggled")
		server := b.accept()
		server.head()
		server.write(c.answer)
		if m := p.head(); m.first != c.want {
			t.Errorf("got %q, want %q", m.first, c.want)
		}
		p.rest()
		if got := server.rest(); len(got) > 0 {
			t.Errorf("the backend got %q", got)
		}
	}
}

// TestUpgradeOtherEnds: what ends sessions ends these with TCP's end alone.
func TestUpgradeOtherEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*config.Config)
		end    func(g *rig, p, server *peer)
		reason string
	}{
		"idle":         {func(cfg *config.Config) { cfg.IdleTimeout = 500 * time.Millisecond }, nil, "idle_timeout"},
		"drain":        {nil, func(g *rig, _, _ *peer) { g.Drain() }, "drain"},
		"admin":        {nil, func(g *rig, _, _ *peer) { _, _ = ask(t, g, "POST", "/sessions/close?ip=127.0.0.1") }, "closed_by_admin"},
		"client lost":  {nil, func(_ *rig, p, _ *peer) { p.reset() }, "client_lost"},
		"backend lost": {nil, func(_ *rig, _, server *peer) { server.reset() }, "backend_lost"},
	} {
		t.Run(name, func(t *testing.T) {
			b := listen(t)
			e := startTLS(t, func(cfg *config.Config) {
				withTCP(cfg)
				if c.change != nil {
					c.change(cfg)
				}
			}, b.url())
			p := connect(t, e)
			p.write(askTCP)
			server := b.accept()
			opensTCP(t, e, p, server, "")
			if c.end != nil {
				c.end(e, p, server)
			}
			if name != "client lost" {
				if got := p.rest(); len(got) > 0 {
					t.Errorf("the client got %q", got)
				}
			}
			if name != "backend lost" {
				if got := server.rest(); len(got) > 0 {
					t.Errorf("the backend got %q", got)
				}
			}
			_, _ = p.conn.Close(), server.conn.Close()
			if name == "drain" { // and with it admin's listener
				return
			}
			wantMetric(t, e, "weir_sessions_open", 0)
			wantMetric(t, e, `weir_sessions_closed_total{reason="`+c.reason+`",code="none"}`, 1)
		})
	}
}
