package upstream

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"
)

// endpoint is that of a group of one.
func endpoint(t *testing.T, url string) *Endpoint {
	t.Helper()
	spec, err := ParseSpec(url)
	if err != nil {
		t.Fatal(err)
	}
	g, err := NewGroup([]Spec{spec}, Options{TLS: trusted.client()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g.Endpoints()[0]
}

// Checks reach an endpoint as sessions do: by its scheme, over TLS with the same trust, behind a PROXY header.
func TestProbes(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path != "/ready" {
			w.WriteHeader(http.StatusTeapot)
		}
	})
	// at starts net/http's server behind the listener that wrap makes.
	at := func(t *testing.T, network string, config *tls.Config, wrap func(net.Listener) net.Listener) string {
		t.Helper()
		b := listen(t)
		if network == "unix" {
			b = listenUnix(t)
		}
		ln := b.ln
		if wrap != nil {
			ln = wrap(ln)
		}
		s := httptest.NewUnstartedServer(handler)
		_ = s.Listener.Close()
		s.Listener, s.TLS = ln, config
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.Config.Protocols = new(http.Protocols)
		s.Config.Protocols.SetHTTP1(true)
		s.Config.Protocols.SetHTTP2(true)
		s.Config.Protocols.SetUnencryptedHTTP2(true)
		if config != nil {
			s.StartTLS()
		} else {
			s.Start()
		}
		t.Cleanup(s.Close)
		return "://" + b.ln.Addr().String()
	}
	told := func(ln net.Listener) net.Listener {
		return &proxyproto.Listener{Listener: ln, ConnPolicy: func(proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) {
			return proxyproto.REQUIRE, nil
		}}
	}
	only := func(protocol string) *tls.Config {
		config := trusted.server("127.0.0.1")
		config.NextProtos = []string{protocol}
		return config
	}
	for name, c := range map[string]struct {
		scheme, network string
		tls             *tls.Config
		wrap            func(net.Listener) net.Listener
		setting         string
		get, connect    string // parts of the errors with a path and without; "": well
	}{
		"ws":                     {"ws", "tcp", nil, nil, "", "", ""},
		"h2c":                    {"h2c", "tcp", nil, nil, "", "", "ENABLE_CONNECT"},
		"ws+h2c":                 {"ws+h2c", "tcp", nil, nil, "", "", ""},
		"wss":                    {"wss", "tcp", trusted.server("127.0.0.1"), nil, "", "", ""},
		"wss+h2":                 {"wss+h2", "tcp", trusted.server("127.0.0.1"), nil, "", "", ""},
		"wss+h2 of HTTP/1.1":     {"wss+h2", "tcp", only("http/1.1"), nil, "", "", ""},
		"wss+h2 of HTTP/2":       {"wss+h2", "tcp", only("h2"), nil, "", "", ""},
		"h2":                     {"h2", "tcp", trusted.server("127.0.0.1"), nil, "", "", "ENABLE_CONNECT"},
		"h2 of HTTP/1.1":         {"h2", "tcp", only("http/1.1"), nil, "", "no application protocol", "no application protocol"},
		"unix":                   {"unix", "unix", nil, nil, "", "", ""},
		"h2c+unix":               {"h2c+unix", "unix", nil, nil, "", "", "ENABLE_CONNECT"},
		"PROXY v1":               {"ws", "tcp", nil, told, "#proxy-protocol=v1", "", ""},
		"PROXY v2 and TLS":       {"wss", "tcp", trusted.server("127.0.0.1"), told, "#proxy-protocol=v2", "", ""},
		"PROXY to a unix socket": {"unix", "unix", nil, told, "#proxy-protocol=v2", "", ""},
		"not trusted":            {"wss", "tcp", stranger.server("127.0.0.1"), nil, "", "signed by unknown authority", "signed by unknown authority"},
		"not trusted for h2":     {"h2", "tcp", stranger.server("127.0.0.1"), nil, "", "signed by unknown authority", "signed by unknown authority"},
		"another name":           {"wss+h2", "tcp", trusted.server("evil.example"), nil, "", "not valid for 127.0.0.1", "not valid for 127.0.0.1"},
		"TLS to clear text":      {"wss", "tcp", nil, nil, "", "does not speak TLS", "does not speak TLS"},
		"clear text to TLS":      {"ws", "tcp", trusted.server("127.0.0.1"), nil, "", "status 400", ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := endpoint(t, c.scheme+at(t, c.network, c.tls, c.wrap)+c.setting)
			for path, want := range map[string]string{"/ready": c.get, "": c.connect} {
				err := newProbe(e, path)(t.Context())
				if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("path %q: %v, want %q", path, err, want)
				}
			}
			if err := newProbe(e, "/sick")(t.Context()); err == nil || c.get == "" && !strings.Contains(err.Error(), "status 418") {
				t.Errorf("a 418 gives %v", err)
			}
		})
	}
}

// An endpoint that does offer WebSocket over HTTP/2 and TLS is well.
func TestProbeOfSettingsOverTLS(t *testing.T) {
	b := listen(t)
	b.tls = trusted.server("127.0.0.1")
	done := make(chan error, 1)
	e := endpoint(t, b.url("h2c"))
	go func() { done <- newProbe(e, "")(context.Background()) }()
	b.accept().goAway(0)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A check that meets silence in the handshake ends with its context.
func TestProbeTimesOutInTheHandshake(t *testing.T) {
	b := listen(t)
	b.tls = trusted.server("127.0.0.1")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := newProbe(endpoint(t, b.url("ws")), "/")(ctx); err == nil || !strings.Contains(err.Error(), "no TLS handshake in time") {
		t.Error(err)
	}
}
