package deploytest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"weir/gateway"
	"weir/gateway/config"
)

// metricNames are the metrics that a gateway tells once every kind of thing has happened to it: a session opened,
// pinged and closed, TLS that stands and TLS that fails, a plain request without a backend, and a pooled backend that
// speaks no HTTP/2. The parts of a histogram count as one.
func metricNames(t *testing.T) map[string]bool {
	t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(hold))
	t.Cleanup(backend.Close)
	cfg := config.Default()
	cfg.Listen, cfg.Admin, cfg.Loops = []string{"127.0.0.1:0"}, "127.0.0.1:0", 1
	cfg.TLSListen = []string{"127.0.0.1:0"}
	cfg.TLSCert, cfg.TLSKey = certificate(t)
	cfg.Upstream = []string{strings.Replace(backend.URL, "http://", "ws://", 1), "h2c://" + mumble(t)}
	cfg.HTTPUpstream = []string{"ws://localhost:1"} // where nobody listens
	cfg.PingInterval, cfg.BackendPing = 100*time.Millisecond, 100*time.Millisecond
	cfg.DrainTimeout, cfg.AccessLog = time.Second, config.AccessOff
	g, err := gateway.New(cfg, slog.New(slog.DiscardHandler))
	if err == nil {
		err = g.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		g.Drain()
		_ = g.Wait()
	}()
	client := g.Addrs()[0].String()
	metrics := "http://" + g.AdminAddr().String() + "/metrics"
	get(t, "http://"+client+"/") // refused: no backend
	secure(t, g.Addrs()[1].String(), tls.VersionTLS13)
	secure(t, g.Addrs()[1].String(), tls.VersionTLS11) // refused: too old
	c, _, err := websocket.Dial(t.Context(), "ws://"+client+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx := c.CloseRead(t.Context()) // answers pings
	await(t, metrics, "weir_client_ping_rtt_seconds_count 1")
	await(t, metrics, "weir_backend_ping_rtt_seconds_count 1")
	_ = c.Close(websocket.StatusNormalClosure, "")
	<-ctx.Done()
	await(t, metrics, "weir_pool_faults_total")
	await(t, metrics, "weir_http_failures_total")
	await(t, metrics, "weir_tls_handshake_failures_total")
	return namesIn(await(t, metrics, "weir_sessions_closed_total"))
}

// certificate is a certificate of net/http's tests, in files.
func certificate(t *testing.T) (certs, keys []string) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	server.Close()
	pair := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) []string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{path}
	}
	return write("tls.crt", "CERTIFICATE", pair.Certificate[0]), write("tls.key", "PRIVATE KEY", key)
}

// secure tries a TLS handshake in a version, of which the gateway takes those from 1.2 on.
func secure(t *testing.T, addr string, version uint16) {
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: version})
	if taken := version >= tls.VersionTLS12; (err == nil) != taken {
		t.Fatalf("TLS handshake in %s: %v", tls.VersionName(version), err)
	}
	if err == nil {
		_ = c.Close()
	}
}

// mumble is the address of a server that answers everybody with what is no HTTP/2.
func mumble(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			_ = c.(*net.TCPConn).CloseWrite() // a reset could overtake the answer
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		}
	}()
	return ln.Addr().String()
}

// hold is a backend that says nothing and goes when its client does.
func hold(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // a health check, perhaps
	}
	<-c.CloseRead(context.Background()).Done()
}

func get(t *testing.T, url string) string {
	t.Helper()
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// await asks until the answer holds want.
func await(t *testing.T, url, want string) string {
	t.Helper()
	every := time.NewTicker(20 * time.Millisecond)
	defer every.Stop()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-every.C {
		if body := get(t, url); strings.Contains(body, want) {
			return body
		}
	}
	t.Fatalf("%s never told %s", url, want)
	return ""
}

var histogramPart = regexp.MustCompile(`_(bucket|sum|count)$`)

func namesIn(exposition string) map[string]bool {
	names := map[string]bool{}
	for line := range strings.Lines(exposition) {
		if name := line[:strings.IndexAny(line, "{ \n")]; name != "" && name != "#" {
			names[histogramPart.ReplaceAllString(name, "")] = true
		}
	}
	return names
}

func TestNamesIn(t *testing.T) {
	names := namesIn("# TYPE a counter\na_total{x=\"b c\"} 1\nh_seconds_bucket{le=\"1\"} 2\nh_seconds_sum 3\n")
	if len(names) != 2 || !names["a_total"] || !names["h_seconds"] {
		t.Error(names)
	}
}
