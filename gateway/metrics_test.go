package gateway_test

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"

	"weir/gateway"
	"weir/gateway/config"
)

// TestMetricsFromTheStart: rate() sees no first event of a series that begins with it.
func TestMetricsFromTheStart(t *testing.T) {
	t.Parallel()
	g := start(t, func(cfg *config.Config) { cfg.RateCode = 4321 }, listen(t).url(), "h2c://127.0.0.1:1")
	_, text := ask(t, g, "GET", "/metrics")
	for _, series := range []string{
		`weir_sessions_refused_total{reason="no_endpoint"}`, `weir_sessions_refused_total{reason="bare_lf"}`, `weir_sessions_refused_total{reason="auth_invalid"}`,
		`weir_sessions_refused_total{reason="proxy_header_missing"}`, `weir_sessions_refused_total{reason="nothing_sent"}`,
		`weir_sessions_closed_total{reason="invalid_utf8",code="1007"}`, `weir_sessions_closed_total{reason="invalid_utf8",code="cut"}`,
		`weir_sessions_closed_total{reason="client_close",code="1000"}`, `weir_sessions_closed_total{reason="client_eof",code="none"}`,
		`weir_sessions_closed_total{reason="message_rate",code="4xxx"}`, `weir_sessions_closed_total{reason="idle_timeout",code="1001"}`,
		`weir_messages_dropped_total{reason="slow_reader"}`, `weir_pool_faults_total{reason="h2_idle_stream"}`,
		`weir_tls_handshakes_total{version="TLS 1.3",resumed="true"}`, `weir_tls_handshake_failures_total{reason="client_alert"}`,
		`weir_http_failures_total{reason="client_stalled"}`, `weir_http_failures_total{reason="no_route"}`, `weir_http_requests_total{status="none"}`,
		"weir_handshake_seconds_count", `weir_handshake_seconds_bucket{le="0.5"}`, `weir_handshake_seconds_bucket{le="+Inf"}`,
		"weir_tls_reload_failures_total", "weir_access_reload_failures_total", "weir_acme_failures_total", "weir_tls_handshakes_waiting",
	} {
		if !strings.Contains(text, "\n"+series+" 0\n") {
			t.Errorf("%s is not there from the start", series)
		}
	}
	for _, never := range []string{`reason="invalid_utf8",code="1000"`, `reason="message_rate",code="1008"`} {
		if strings.Contains(text, never) {
			t.Errorf("%s cannot occur", never)
		}
	}
	if want := fmt.Sprintf("\nweir_build_info{version=%q,go=%q} 1\n", gateway.Release, runtime.Version()); !strings.Contains(text, want) {
		t.Errorf("no %q", want)
	}
	wantText(t, text)
}

// TestNothingSent: who connects and leaves without a byte, as balancers do in order to see whether the port is open, is no
// failure of anything, however it leaves, in clear and over TLS, and behind a PROXY header.
func TestNothingSent(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*config.Config){"direct": nil, "proxied": behindProxy} {
		for _, header := range []string{"", "PROXY UNKNOWN\r\n"} {
			if header != "" && change == nil {
				continue
			}
			t.Run(name+header, func(t *testing.T) {
				t.Parallel()
				e := startTLS(t, change, listen(t).url())
				leave := map[string]func(*net.TCPConn){
					"close": func(c *net.TCPConn) { _ = c.Close() },
					"fin":   func(c *net.TCPConn) { _ = c.CloseWrite() },
					"reset": func(c *net.TCPConn) { _ = c.SetLinger(0); _ = c.Close() },
				}
				n := 0.0
				for _, addr := range e.Addrs() {
					for how, leave := range leave {
						conn, err := net.Dial("tcp", addr.String())
						if err != nil {
							t.Fatal(err)
						}
						defer conn.Close()
						_, _ = conn.Write([]byte(header))
						n++
						wantMetric(t, e, "weir_connections_accepted_total", n)
						leave(conn.(*net.TCPConn))
						if wantMetric(t, e, `weir_sessions_refused_total{reason="nothing_sent"}`, n); t.Failed() {
							t.Fatalf("%s at %v", how, addr)
						}
					}
				}
				_, text := ask(t, e, "GET", "/metrics")
				for line := range strings.Lines(text) {
					if strings.HasPrefix(line, "weir_tls_handshake_failures_total{") && !strings.HasSuffix(line, " 0\n") {
						t.Errorf("counted as a failure: %s", line)
					}
				}
				wantMetric(t, e, "weir_client_connections", 0)
			})
		}
	}
}

// TestNothingSentInTime: neither is a client that stays silent until it is turned away.
func TestNothingSentInTime(t *testing.T) {
	t.Parallel()
	e := startTLS(t, func(cfg *config.Config) { cfg.HandshakeTimeout = 1e8 }, listen(t).url())
	e.reach().rest()
	wantMetric(t, e, `weir_sessions_refused_total{reason="handshake_timeout"}`, 1)
	wantMetric(t, e, `weir_tls_handshake_failures_total{reason="timeout"}`, 0)
}
