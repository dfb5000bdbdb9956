package gateway_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// overHTTP2 is a client whose requests share connections, from a loopback address of its own.
func overHTTP2(t testing.TB, c *tls.Config, from string) *http.Client {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
	tr := &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: true, DialContext: d.DialContext}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 4 * patience}
}

// get asks for a page and gives the answer's status, 0 without one.
func (e *rig) get(c *http.Client, path string) int {
	r, err := http.NewRequest("GET", "https://"+e.secureAddr()+path, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	r.Host = "weir.test"
	answer, err := c.Do(r)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	return answer.StatusCode
}

// TestRequestsInFlightAreBounded over whatever they came: streams count as requests of their own, of one address and in all.
func TestRequestsInFlightAreBounded(t *testing.T) {
	t.Parallel()
	url, release := pages(t)
	e := startTLS(t, func(cfg *config.Config) { cfg.MaxRequests, cfg.TrustedProxies = 20, []string{"127.0.0.9"} }, url)
	one, two := overHTTP2(t, e.ca.clientTLS(), "127.0.0.1"), overHTTP2(t, e.ca.clientTLS(), "127.0.0.2")
	var all sync.WaitGroup
	var served atomic.Int64
	begin := func(c *http.Client, n int) {
		t.Helper()
		had := metric(t, e, "weir_http_requests_in_flight")
		for range n {
			all.Go(func() {
				if status := e.get(c, "/slow"); status == 200 {
					served.Add(1)
				} else {
					t.Errorf("status %d", status)
				}
			})
		}
		wantMetric(t, e, "weir_http_requests_in_flight", had+float64(n))
	}
	begin(one, 5) // a quarter
	if status := e.get(one, "/"); status != 429 {
		t.Errorf("one more of the address got %d over HTTP/2", status)
	}
	clear := connect(t, e)
	clear.write(get)
	clear.wantStatus(429)
	if status := e.get(two, "/"); status != 200 {
		t.Errorf("another address got %d", status)
	}
	begin(overHTTP2(t, e.ca.clientTLS(), "127.0.0.9"), 15) // a proxy asks for many, within the bound of all
	if status := e.get(two, "/"); status != 503 {
		t.Errorf("one more in all got %d", status)
	}
	wantMetric(t, e, `weir_http_failures_total{reason="too_many_requests_per_ip"}`, 2)
	wantMetric(t, e, `weir_http_failures_total{reason="too_many_requests"}`, 1)
	close(release)
	all.Wait()
	wantMetric(t, e, "weir_http_requests_in_flight", 0)
	if status := e.get(one, "/slow"); served.Load() != 20 || status != 200 {
		t.Errorf("%d were served, and afterwards one got %d", served.Load(), status)
	}
}

// TestDescriptorsAreKept for admin, checks and certificates, though clients are let have as many requests and connections as
// they like: streams that stall, each with a connection to the backend, and silent sockets over all loops.
func TestDescriptorsAreKept(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	defer srv.Close()
	ca, dir := newAuthority(t), t.TempDir()
	cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	ca.server(cert, key, "weir.test")
	g := startProcess(t, "--loops=2", "--upstream="+echo(t), "--http-upstream="+srv.URL, "--listen=127.0.0.1:0", "--tls-listen=127.0.0.1:0",
		"--tls-cert="+cert, "--tls-key="+key, "--tls-reload-interval=1s", "--health-interval=100ms", "--drain-timeout=200ms",
		"--max-connections=100000", "--max-requests=100000", "--max-requests-per-ip=100000", "--backlog=65535")
	clear, secure := g.addrs[0], g.addrs[1]
	session := reach(t, clear)
	session.write(handshake("/"))
	session.wantStatus(101)

	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	defer func() { stop(); all.Wait() }()
	var refused atomic.Int64
	for range 5 { // connections with streams each
		c := overHTTP2(t, ca.clientTLS(), "127.0.0.1")
		c.Timeout = 0
		for range 80 {
			all.Go(func() {
				stalled, _ := io.Pipe()
				r, _ := http.NewRequestWithContext(ctx, "POST", "https://"+secure+"/", stalled)
				r.Host = "weir.test"
				if answer, err := c.Do(r); err == nil {
					if answer.StatusCode == 503 {
						refused.Add(1)
					}
					_ = answer.Body.Close()
				}
			})
		}
	}
	if !eventually(func() bool { return refused.Load() > 100 }) {
		t.Errorf("%d streams were refused", refused.Load())
	}
	var silent []net.Conn
	for range 600 {
		if conn, err := net.DialTimeout("tcp", clear, patience); err == nil {
			silent = append(silent, conn)
			defer conn.Close()
		}
	}
	if !eventually(func() bool { return strings.Contains(g.metrics(), `refused_total{reason="too_many_connections"}`) }) {
		t.Error("silent clients take all that there is")
	}
	ca.server(cert, key, "weir.test", "new.weir.test")
	if !eventually(func() bool { return strings.Contains(g.metrics(), "weir_tls_reloads_total 1\n") }) {
		t.Error("the certificate was not read")
	}
	checks := func() string { return line(g.metrics(), "weir_endpoint_checks_total") }
	if before := checks(); !eventually(func() bool { return checks() != before }) {
		t.Error("nothing is checked")
	}
	for _, series := range []string{"weir_endpoint_check_failures_total", "weir_endpoint_transitions_total"} {
		if got := line(g.metrics(), series); !strings.HasSuffix(got, " 0") {
			t.Errorf("got %q", got)
		}
	}
	session.send(ws.OpText, "there")
	session.want(ws.OpText, "there")
	for _, conn := range silent {
		_ = conn.Close()
	}
	stop()
	all.Wait()
	if !eventually(func() bool { // descriptors are back
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
		answer, err := client.Get("http://" + clear + "/")
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == 200
	}) {
		t.Error("plain requests are not served any more")
	}
	g.drain()
	g.end()
	_ = os.Remove(cert)
}

// line is the first line of a text that begins so.
func line(text, begins string) string {
	_, rest, _ := strings.Cut("\n"+text, "\n"+begins)
	rest, _, _ = strings.Cut(rest, "\n")
	return rest
}

// TestOneCountForAllLoops: silent clients over several loops are no more than max-connections allows, and some to be answered.
func TestOneCountForAllLoops(t *testing.T) {
	t.Parallel()
	g := start(t, func(cfg *config.Config) { cfg.Loops, cfg.MaxConnections, cfg.HandshakeTimeout = 4, 10, 8*patience }, listen(t).url())
	const many = 10 + 256 + 60
	for range many {
		connect(t, g)
	}
	wantMetric(t, g, `weir_sessions_refused_total{reason="too_many_connections"}`, 60)
	wantMetric(t, g, "weir_client_connections", many-60)
}
