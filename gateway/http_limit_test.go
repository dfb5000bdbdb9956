package gateway_test

import (
	"strings"
	"testing"
	"time"

	"weir/gateway/config"
)

// TestPlainCountsAgainstLimits as a WebSocket does, for as long as the connection stands.
func TestPlainCountsAgainstLimits(t *testing.T) {
	t.Parallel()
	url, _ := pages(t)
	for _, c := range []struct {
		name   string
		change func(*config.Config)
		status int
	}{
		{"in all", func(cfg *config.Config) { cfg.MaxConnections = 1 }, 503},
		{"per address", func(cfg *config.Config) { cfg.MaxConnectionsPerIP = 1 }, 429},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := listen(t)
			e := startTLS(t, func(cfg *config.Config) { c.change(cfg); cfg.HTTPUpstream = []string{url} }, b.url())
			for range 3 {
				holder := connect(t, e)
				holder.write(get)
				holder.answer()
				for _, request := range []string{get, handshake("/")} {
					late := e.secure()
					late.write(request)
					late.wantStatus(c.status)
				}
				holder.write(handshake("/")) // the place is its own
				b.accept().upgrade()
				holder.wantStatus(101)
				late := connect(t, e)
				late.write(get)
				late.wantStatus(c.status)
				_ = holder.conn.Close()
				wantMetric(t, e, "weir_sessions_open", 0)

				holder = connect(t, e)
				holder.write(get)
				holder.answer()
				_ = holder.conn.Close()
				wantMetric(t, e, "weir_http_connections", 0)
			}
		})
	}
}

// TestMaxHTTPConnections bounds them; WebSockets go on being served. One without a request gives way to a new one.
func TestMaxHTTPConnections(t *testing.T) {
	t.Parallel()
	url, release := pages(t)
	b := listen(t)
	e := startTLS(t, func(cfg *config.Config) { cfg.MaxHTTPConnections, cfg.HTTPUpstream = 1, []string{url} }, b.url())
	holder := connect(t, e)
	holder.write(strings.Replace(get, "/", "/slow", 1))
	wantMetric(t, e, "weir_http_connections", 1)
	late := connect(t, e)
	late.write(get)
	if strings.Contains(string(late.rest()), " 200 ") {
		t.Error("one more was served")
	}
	wantMetric(t, e, "weir_http_connections", 1)
	wantMetric(t, e, `weir_sessions_refused_total{reason="too_many_connections"}`, 1)
	e.secureSession(b)
	close(release)
	holder.answer()
	if !eventually(func() bool { // until the request is over there, too
		next := connect(t, e)
		next.write(get)
		_, err := next.in.ReadByte()
		_ = next.in.UnreadByte()
		return err == nil && strings.Contains(next.head().text, " 200 ")
	}) {
		t.Error("the idle connection did not give way")
	}
	holder.wantEnd()
}

// TestHTTPIdle ends connections without a request.
func TestHTTPIdle(t *testing.T) {
	t.Parallel()
	url, _ := pages(t)
	e := startTLS(t, func(cfg *config.Config) { cfg.HTTPIdleTimeout = 100 * time.Millisecond }, url)
	clear, secure := connect(t, e), e.secure()
	clear.write(get)
	clear.answer()
	clear.wantEnd()
	secure.write(get)
	secure.answer()
	secure.wantGoodbye()
	wantMetric(t, e, "weir_http_connections", 0)
}

// TestHTTPDrain lets requests under way end, and closes what is idle at once.
func TestHTTPDrain(t *testing.T) {
	t.Parallel()
	url, release := pages(t)
	e := startTLS(t, func(cfg *config.Config) { cfg.DrainTimeout = patience }, url)
	idle, slow := connect(t, e), e.secure()
	idle.write(get)
	idle.answer()
	slow.write(strings.Replace(get, "/", "/slow", 1))
	wantMetric(t, e, "weir_http_connections", 2)
	done := stopped(t, e)
	e.Drain()
	idle.wantEnd()
	select {
	case <-done:
		t.Fatal("a request under way was not waited for")
	default:
	}
	close(release)
	if m, body := slow.answer(); body != "GET /slow " {
		t.Errorf("got %q %q", m.text, body)
	}
	slow.wantGoodbye()
	await(t, done, "the end")
}

// TestHTTPDrainCuts a request that does not end in time.
func TestHTTPDrainCuts(t *testing.T) {
	t.Parallel()
	url, _ := pages(t)
	var text logs
	g := startLogging(t, &text, func(cfg *config.Config) {
		withHTTP(cfg)
		cfg.AccessLog, cfg.DrainTimeout = config.AccessText, 200*time.Millisecond
	}, url)
	slow := connect(t, g)
	slow.write(strings.Replace(get, "/", "/slow", 1))
	wantMetric(t, g, "weir_http_connections", 1)
	began := time.Now()
	g.Drain()
	slow.wantEnd()
	await(t, stopped(t, g), "the end")
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
	if !strings.Contains(text.String(), "reason=drain") {
		t.Errorf("not told of in\n%s", text.String())
	}
}

// TestHTTPClientsGo in the middle of things: nothing stays.
func TestHTTPClientsGo(t *testing.T) {
	t.Parallel()
	url, _ := pages(t)
	e := startTLS(t, func(cfg *config.Config) { cfg.MaxConnections, cfg.HTTPHalfClose = 1, config.HalfCloseCut }, url)
	for _, text := range []string{get[:10], "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf", strings.Replace(get, "/", "/slow", 1), get + handshake("/")} {
		for way := range 4 {
			p := e.open(way&1 != 0)
			p.write(text)
			readByNow(t, e)
			if way&2 != 0 {
				p.reset()
			}
			_ = p.tcp.Close()
			wantMetric(t, e, "weir_http_connections", 0)
		}
	}
	wantMetric(t, e, "weir_client_connections", 0)
	wantMetric(t, e, "weir_buffered_bytes", 0)
	p := connect(t, e) // there is a place
	p.write(get)
	p.answer()
}
