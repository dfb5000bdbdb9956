package gateway_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// serveAny answers one request of either kind.
func serveAny(p *peer) {
	r, err := http.ReadRequest(bufio.NewReader(p.conn))
	if err != nil {
		return
	}
	answer := head("HTTP/1.1 204 No Content", "Connection: close")
	if r.Header.Get("Upgrade") != "" {
		answer = switching(&message{fields: r.Header})
	}
	_, _ = io.WriteString(p.conn, answer)
}

// pages is a backend of plain HTTP that tells what it was asked. "/slow" waits for release.
func pages(t testing.TB) (url string, release chan struct{}) {
	release = make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/slow" {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
		_, _ = io.WriteString(w, r.Method+" "+r.RequestURI+" "+string(body))
	}))
	t.Cleanup(srv.Close)
	return strings.Replace(srv.URL, "http:", "ws:", 1), release
}

const get = "GET / HTTP/1.1\r\nHost: weir.test\r\n\r\n"

func withHTTP(cfg *config.Config) { cfg.HTTP, cfg.CloseTimeout = true, 200*time.Millisecond }

// TestKeepAlive serves many requests of a connection, pipelined ones in order, in clear and over TLS.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	url, _ := pages(t)
	e := startTLS(t, nil, url)
	clear, secure := connect(t, e), e.secure()
	for _, p := range []*peer{clear, secure} {
		const post = "POST /b?c HTTP/1.1\r\nHost: weir.test\r\nContent-Length: 4\r\n\r\nbody"
		for range 3 {
			p.write(get)
			if _, body := p.answer(); body != "GET / " {
				t.Errorf("got %q", body)
			}
			p.write(post[:len(post)-2])
			p.write(post[len(post)-2:])
			if _, body := p.answer(); body != "POST /b?c body" {
				t.Errorf("got %q", body)
			}
		}
		p.write(post + get + post)
		for _, want := range []string{"POST /b?c body", "GET / ", "POST /b?c body"} {
			if _, body := p.answer(); body != want {
				t.Errorf("got %q, want %q", body, want)
			}
		}
	}
	wantMetric(t, e, "weir_http_connections", 2)
	wantMetric(t, e, "weir_client_connections", 0) // the loops' sessions are over
	_ = clear.conn.Close()
	_ = secure.tcp.Close()
	wantMetric(t, e, "weir_http_connections", 0)
	wantMetric(t, e, "weir_http_connections_total", 2)
	wantMetric(t, e, `weir_http_requests_total{status="2xx"}`, 18)
	wantMetric(t, e, `weir_http_body_bytes_total{direction="up"}`, 2*5*4)
	wantMetric(t, e, "weir_buffered_bytes", 0)
}

// TestUpgradeAfterRequests comes back to the loop, with frames that came too early, which wait for the backend.
func TestUpgradeAfterRequests(t *testing.T) {
	t.Parallel()
	url, _ := pages(t)
	b := listen(t)
	e := startTLS(t, func(cfg *config.Config) { cfg.HTTPUpstream = []string{url} }, b.url())
	clear, secure := connect(t, e), e.secure()
	for _, p := range []*peer{clear, secure} {
		early := func(text string) string { return string(p.encode(ws.NewTextFrame([]byte(text)))) }
		p.write(get)
		p.answer()
		p.write(get + handshake("/chat", "X-Forwarded-For: 6.6.6.6") + early("one")) // pipelined
		p.answer()
		server := b.accept()
		m := server.head()
		p.write(early("two") + early(strings.Repeat("3", 100_000)))
		readByNow(t, e)
		if n := server.in.Buffered(); n > 0 {
			t.Errorf("%d bytes came before the answer", n)
		}
		wantFields(t, m, map[string]string{"X-Forwarded-For": "127.0.0.1", "Host": "weir.test"})
		server.write(switching(m))
		p.wantStatus(101)
		server.want(ws.OpText, "one")
		server.want(ws.OpText, "two")
		server.want(ws.OpText, strings.Repeat("3", 100_000))
		server.send(ws.OpText, "back")
		p.want(ws.OpText, "back")
	}
	wantMetric(t, e, "weir_http_connections", 0)
	wantMetric(t, e, "weir_http_upgrades_total", 2)
	wantMetric(t, e, "weir_sessions_open", 2)
	_ = clear.conn.Close()
	_ = secure.tcp.Close()
	wantMetric(t, e, "weir_sessions_open", 0)
	wantMetric(t, e, "weir_buffered_bytes", 0)
}

// TestHTTPOff answers 426 over TLS too, and offers no HTTP/2.
func TestHTTPOff(t *testing.T) {
	t.Parallel()
	b := listen(t)
	e := startTLS(t, func(cfg *config.Config) { cfg.HTTP = false }, b.url())
	p := e.secure(func(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} })
	if got := p.state().NegotiatedProtocol; got != "http/1.1" {
		t.Errorf("%q was agreed on", got)
	}
	p.write(get)
	p.wantStatus(426)
	b.wantUntouched()
}

// TestHTTP2 is spoken by ALPN, for plain requests, also after a PROXY header.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	url, _ := pages(t)
	var text logs
	e := startTLSLogging(t, &text, func(cfg *config.Config) { cfg.AccessLog = config.AccessText }, url)
	transport := &http.Transport{TLSClientConfig: e.ca.clientTLS(), ForceAttemptHTTP2: true}
	client := &http.Client{Transport: transport, Timeout: patience}
	for range 3 {
		r, err := client.Post("https://"+e.secureAddr()+"/x?token=hidden", "text/plain", strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if r.ProtoMajor != 2 || string(body) != "POST /x?token=hidden body" {
			t.Errorf("%s: %q", r.Proto, body)
		}
	}
	wantMetric(t, e, "weir_http_connections", 1)
	wantMetric(t, e, "weir_http_connections_total", 1)
	e.Drain() // while the connection is idle
	await(t, stopped(t, e), "the end")
	transport.CloseIdleConnections()
	if strings.Count(text.String(), "msg=http") != 3 || strings.Contains(text.String(), "hidden") {
		t.Errorf("logged:\n%s", text.String())
	}
}
