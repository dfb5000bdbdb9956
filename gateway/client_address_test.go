package gateway_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/gateway/config"
)

// told is what a backend hears of the client, in the head of a handshake.
func told(t *testing.T, g *rig, b *backend, before string, lines ...string) *message {
	t.Helper()
	client := connect(t, g)
	client.write(before + handshake("/", lines...))
	server := b.accept()
	m := server.upgrade()
	client.wantStatus(101)
	_ = client.conn.Close()
	server.rest()
	return m
}

func wantFields(t *testing.T, m *message, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := strings.Join(m.fields.Values(name), "|"); got != value {
			t.Errorf("%s is %q, want %q, in\n%s", name, got, value, m.text)
		}
	}
}

// TestForwardedFor is believed from trusted proxies alone.
func TestForwardedFor(t *testing.T) {
	t.Parallel()
	claims := []string{"X-Forwarded-For: 6.6.6.6, 192.0.2.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.test", "X-Real-IP: 6.6.6.6"}
	for _, c := range []struct {
		name  string
		trust []string
		lines []string
		want  map[string]string
	}{
		{"untrusted", []string{"10.0.0.0/8"}, claims, map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Real-Ip": "127.0.0.1",
			"X-Forwarded-Proto": "http", "X-Forwarded-Host": "weir.test"}},
		{"trusted", []string{"127.0.0.1"}, claims, map[string]string{"X-Forwarded-For": "192.0.2.7, 127.0.0.1", "X-Real-Ip": "192.0.2.7",
			"X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.test"}},
		{"two proxies", []string{"127.0.0.1", "192.0.2.0/24"}, claims, map[string]string{"X-Forwarded-For": "6.6.6.6, 192.0.2.7, 127.0.0.1", "X-Real-Ip": "6.6.6.6"}},
		{"trusted and silent", []string{"127.0.0.1"}, nil, map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http"}},
		{"trusted nonsense", []string{"127.0.0.1"}, []string{"X-Forwarded-For: 6.6.6.6, unknown"}, map[string]string{"X-Forwarded-For": "127.0.0.1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := listen(t)
			g := start(t, func(cfg *config.Config) { cfg.TrustedProxies = c.trust }, b.url())
			wantFields(t, told(t, g, b, "", c.lines...), c.want)
		})
	}
}

// TestLimitsByTrueClient counts per address: the one a trusted proxy names, and else the socket's, whatever is claimed.
func TestLimitsByTrueClient(t *testing.T) {
	t.Parallel()
	for _, trusted := range []bool{true, false} {
		b := listen(t)
		g := start(t, func(cfg *config.Config) {
			cfg.MaxConnectionsPerIP = 1
			if trusted {
				cfg.TrustedProxies = []string{"127.0.0.0/8"}
			}
		}, b.url())
		client := connect(t, g)
		client.write(handshake("/", "X-Forwarded-For: 192.0.2.1"))
		b.accept().upgrade()
		client.wantStatus(101)
		same, other := connect(t, g), connect(t, g)
		same.write(handshake("/", "X-Forwarded-For: 192.0.2.1"))
		same.wantStatus(429)
		other.write(handshake("/", "X-Forwarded-For: 192.0.2.2"))
		if !trusted {
			other.wantStatus(429)
			continue
		}
		b.accept().upgrade()
		other.wantStatus(101)
	}
}

// TestKeptConnectionIsNobodys: a proxy's connection serves one client after another, and none of them pays for it.
func TestKeptConnectionIsNobodys(t *testing.T) {
	t.Parallel()
	page, _ := pages(t)
	b := listen(t)
	g := start(t, func(cfg *config.Config) {
		withHTTP(cfg)
		cfg.MaxConnectionsPerIP, cfg.TrustedProxies, cfg.HTTPUpstream = 1, []string{"127.0.0.1"}, []string{page}
	}, b.url())
	for range 3 {
		kept := connect(t, g)
		kept.write(head("GET / HTTP/1.1", "Host: weir.test", "X-Forwarded-For: 192.0.2.1"))
		kept.wantStatus(200)
	}
	first, _, _ := enter(t, g, b, handshake("/", "X-Forwarded-For: 192.0.2.1"))
	defer first.conn.Close()
	wantAnswer(t, g, 429, handshake("/", "X-Forwarded-For: 192.0.2.1"))
	kept := connect(t, g)
	kept.write(head("GET / HTTP/1.1", "Host: weir.test", "X-Forwarded-For: 192.0.2.1"))
	kept.answer()
	kept.write(handshake("/", "X-Forwarded-For: 192.0.2.2"))
	b.accept().upgrade()
	kept.wantStatus(101)
	wantAnswer(t, g, 429, handshake("/", "X-Forwarded-For: 192.0.2.2"))
}

// TestUnspecifiedAddress is one like any other, and no unix socket's.
func TestUnspecifiedAddress(t *testing.T) {
	t.Parallel()
	b := listen(t)
	for _, c := range []struct {
		before, line string
		behind       bool
	}{{"", "X-Forwarded-For: ::", false}, {"PROXY TCP6 :: ::1 1 2\r\n", "X-No: field", true}} {
		trust := func(cfg *config.Config) {
			cfg.TrustedProxies, cfg.ProxyProtocol, cfg.MaxConnectionsPerIP = []string{"127.0.0.1"}, c.behind, 1
		}
		g := start(t, trust, b.url())
		client, _, asked := enter(t, g, b, c.before+handshake("/", c.line))
		wantFields(t, asked, map[string]string{"X-Real-Ip": "::"})
		wantAnswer(t, g, 429, c.before+handshake("/", c.line))
		_ = client.conn.Close()
		for list, status := range map[string]int{"unix": 403, "::/128": 101} {
			g := start(t, func(cfg *config.Config) { trust(cfg); cfg.Allow = []string{list} }, echo(t))
			wantAnswer(t, g, status, c.before+handshake("/", c.line))
		}
	}
}

// TestUnixListener serves both kinds of requests to clients without an address, on all loops.
func TestUnixListener(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "weir") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	b := listen(t)
	g := start(t, func(cfg *config.Config) {
		cfg.Listen, cfg.HTTP, cfg.Loops, cfg.UnixMode = append(cfg.Listen, "unix:"+path), true, 2, 0o600
		cfg.TrustedProxies = []string{"unix"}
	}, b.url())
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket has mode %v, %v", info.Mode(), err)
	}
	for range 4 {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte(handshake("/", "X-Forwarded-For: 192.0.2.7"))); err != nil {
			t.Fatal(err)
		}
		server := b.accept()
		wantFields(t, server.upgrade(), map[string]string{"X-Forwarded-For": "192.0.2.7"})
		_ = conn.Close()
		server.rest()
	}
	wantMetric(t, g, "weir_client_connections", 0)
	g.Drain()
	await(t, stopped(t, g), "the end")
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the socket stays: %v", err)
	}
}
