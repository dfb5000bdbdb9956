package deploytest

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"weir/gateway"
	"weir/gateway/config"
)

// startGateway starts a gateway with TLS and two backends, which ends with the test.
func startGateway(t *testing.T) *gateway.Gateway {
	t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(backend.Close)
	cfg := config.Default()
	cfg.Listen, cfg.Admin, cfg.Loops = []string{"127.0.0.1:0"}, "127.0.0.1:0", 1
	cfg.TLSListen = []string{"127.0.0.1:0"}
	cfg.TLSCert, cfg.TLSKey = certificate(t)
	cfg.Upstream = []string{strings.Replace(backend.URL, "http://", "ws://", 1), "ws://localhost:" + backend.URL[strings.LastIndexByte(backend.URL, ':')+1:]}
	cfg.HealthInterval, cfg.DrainTimeout, cfg.AccessLog = 0, time.Second, config.AccessOff
	g, err := gateway.New(cfg, slog.New(slog.DiscardHandler))
	if err == nil {
		err = g.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		g.Drain()
		_ = g.Wait()
	})
	return g
}

// exposed is what a gateway tells of itself before anything has happened to it.
func exposed(t *testing.T) string {
	t.Helper()
	return get(t, "http://"+startGateway(t).AdminAddr().String()+"/metrics")
}

// metricNames are the metrics that a gateway describes.
func metricNames(t *testing.T) map[string]bool { return namesIn(exposed(t)) }

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

// histogramPart is the end of the names of a histogram's series.
var histogramPart = regexp.MustCompile(`_(bucket|sum|count)$`)

// namesIn are the names that # TYPE lines tell.
func namesIn(exposition string) map[string]bool {
	names := map[string]bool{}
	for line := range strings.Lines(exposition) {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, _, _ := strings.Cut(rest, " ")
			names[name] = true
		}
	}
	return names
}
