package upstream

import (
	"bufio"
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

	"github.com/coder/websocket"
	"github.com/pires/go-proxyproto"

	"weir/upstream/accept"
	"weir/upstream/health"
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

func checks(t *testing.T, o health.Options) health.Options {
	t.Helper()
	o, err := o.Complete()
	if err != nil {
		t.Fatal(err)
	}
	return o
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
				err := newProbe(e, checks(t, health.Options{Path: path}))(t.Context())
				if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("path %q: %v, want %q", path, err, want)
				}
			}
			if err := newProbe(e, checks(t, health.Options{Path: "/sick"}))(t.Context()); err == nil || c.get == "" && !strings.Contains(err.Error(), "status 418") {
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
	go func() { done <- newProbe(e, checks(t, health.Options{Path: ""}))(context.Background()) }()
	b.accept().goAway(0)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A check that meets silence over HTTP/2 ends with its context, whatever it asks.
func TestProbeTimesOutOverHTTP2(t *testing.T) {
	b := listen(t)
	for _, kind := range []health.Kind{health.TCP, health.HTTP, health.WebSocket} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := newProbe(endpoint(t, "h2c://"+b.ln.Addr().String()), checks(t, health.Options{Kind: kind}))(ctx); err == nil {
			t.Errorf("%s: a silent backend is well", kind)
		}
	}
}

// A check that meets silence in the handshake ends with its context.
func TestProbeTimesOutInTheHandshake(t *testing.T) {
	b := listen(t)
	b.tls = trusted.server("127.0.0.1")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := newProbe(endpoint(t, b.url("ws")), checks(t, health.Options{Path: "/"}))(ctx); err == nil || !strings.Contains(err.Error(), "no TLS handshake in time") {
		t.Error(err)
	}
}

// appHost is the one virtual host that backends of TestChecksAskAsSessionsDo serve.
const appHost = "app.example:8443"

// virtual serves one host, and what comes with a key: /ready by GET and /ws as a WebSocket. It tells of the close codes that it hears.
func virtual(codes chan<- websocket.StatusCode) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Host != appHost, r.Header.Get("X-Key") != "open", r.Header.Get("User-Agent") != "checker/1":
			w.WriteHeader(http.StatusNotFound)
		case r.URL.Path == "/ready" && r.Method == "GET":
			w.WriteHeader(http.StatusTooManyRequests)
		case r.URL.Path == "/ws":
			c, err := websocket.Accept(w, r, nil)
			if err != nil {
				return
			}
			_, _, err = c.Read(r.Context())
			codes <- websocket.CloseStatus(err)
		default:
			w.WriteHeader(http.StatusTeapot)
		}
	})
}

// Checks name the host that sessions name, and may be WebSockets, over each protocol.
func TestChecksAskAsSessionsDo(t *testing.T) {
	codes := make(chan websocket.StatusCode, 8)
	secured := func(protocol string) *tls.Config {
		config := trusted.server("127.0.0.1")
		config.NextProtos = []string{protocol}
		return config
	}
	for name, c := range map[string]struct {
		scheme string
		pooled bool
		tls    *tls.Config
	}{
		"ws":               {"ws", false, nil},
		"unix":             {"unix", false, nil},
		"wss":              {"wss", false, secured("http/1.1")},
		"h2c":              {"h2c", true, nil},
		"h2c+unix":         {"h2c+unix", true, nil},
		"h2":               {"h2", true, secured("h2")},
		"wss+h2, tunnels":  {"wss+h2", false, secured("http/1.1")},
		"wss+h2, pooled":   {"wss+h2", true, secured("h2")},
		"ws+h2c, not seen": {"ws+h2c", false, nil},
		"ws+h2c, pooled":   {"ws+h2c", true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := listen(t)
			if strings.HasSuffix(c.scheme, "unix") {
				b = listenUnix(t)
			}
			ln := b.ln
			if c.tls != nil {
				ln = tls.NewListener(ln, c.tls)
			}
			if c.pooled {
				l := accept.New(ln, accept.Options{})
				t.Cleanup(func() { _ = l.Close() })
				go accept.Serve(l, virtual(codes))
			} else {
				s := &http.Server{Handler: virtual(codes), ErrorLog: log.New(io.Discard, "", 0)}
				t.Cleanup(func() { _ = s.Close() })
				go s.Serve(ln)
			}
			e := endpoint(t, c.scheme+"://"+b.ln.Addr().String())
			if c.scheme == "ws+h2c" && c.pooled {
				e.vitals.protocol.Store(protocolPool)
			}
			const fields = "x-key: open\nUser-Agent: checker/1\n"
			for _, o := range []struct {
				health.Options
				want string
			}{
				{health.Options{Kind: health.WebSocket, Path: "/ws", Host: appHost, Fields: fields}, ""},
				{health.Options{Kind: health.WebSocket, Path: "/ws", Fields: fields}, "status 404"},
				{health.Options{Kind: health.WebSocket, Path: "/ws", Host: appHost}, "status 404"},
				{health.Options{Kind: health.WebSocket, Host: appHost, Fields: fields}, "status 418"},
				{health.Options{Path: "/ready", Host: appHost, Fields: fields, Statuses: "204,400-429"}, ""},
				{health.Options{Path: "/ready", Host: appHost, Fields: fields}, "status 429"},
				{health.Options{Path: "/ready", Fields: fields}, "status 404"},
			} {
				if c.pooled && o.Kind != health.WebSocket {
					continue // the server of pooled sessions serves nothing else
				}
				err := newProbe(e, checks(t, o.Options))(t.Context())
				if (err == nil) != (o.want == "") || err != nil && !strings.Contains(err.Error(), o.want) {
					t.Errorf("%+v: %v, want %q", o.Options, err, o.want)
				}
				if o.Kind == health.WebSocket && o.want == "" && err == nil {
					if code := <-codes; code != websocket.StatusNormalClosure {
						t.Errorf("closed with %d", code)
					}
				}
			}
		})
	}
}

// GETs over HTTP/2 name the host, too.
func TestChecksNameTheHostOverHTTP2(t *testing.T) {
	b := listen(t)
	s := &http.Server{Handler: virtual(nil), Protocols: new(http.Protocols)}
	s.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(func() { _ = s.Close() })
	go s.Serve(b.ln)
	o := health.Options{Path: "/ready", Host: appHost, Statuses: "429", Fields: "X-Key: open\nUser-Agent: checker/1\n"}
	if err := newProbe(endpoint(t, b.url("h2c")), checks(t, o))(t.Context()); err != nil {
		t.Error(err)
	}
}

// Another port is asked in the same way; the endpoint's own may be shut.
func TestChecksOfAnotherPort(t *testing.T) {
	b := listen(t)
	b.tls = trusted.server("127.0.0.1")
	e := endpoint(t, "h2://127.0.0.1:1")
	o := checks(t, health.Options{Port: uint16(b.ln.Addr().(*net.TCPAddr).Port)})
	done := make(chan error, 1)
	go func() { done <- newProbe(e, o)(context.Background()) }()
	b.accept().goAway(0)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A backend that answers, but not to the key that it was sent, speaks no WebSocket.
func TestWebSocketCheckWantsTheRightAnswer(t *testing.T) {
	b := listen(t)
	go func() {
		conn := b.raw()
		_, _ = bufio.NewReader(conn).ReadString('\n')
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
	}()
	err := newProbe(endpoint(t, "ws://"+b.ln.Addr().String()), checks(t, health.Options{Kind: health.WebSocket}))(t.Context())
	if err == nil || !strings.Contains(err.Error(), "Sec-WebSocket-Accept") {
		t.Error(err)
	}
}
