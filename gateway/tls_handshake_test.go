package gateway_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// TestClearOnTLSPort is answered in clear, so that people see what is wrong.
func TestClearOnTLSPort(t *testing.T) {
	t.Parallel()
	b := listen(t)
	e := startTLS(t, nil, b.url())
	for _, request := range []string{handshake("/"), head("GET / HTTP/1.1", "Host: weir.test"), "nonsense", "\x00"} {
		p := e.reach()
		p.write(request)
		if m, body := p.wantStatus(400), string(p.rest()); !strings.Contains(body, "https://") || m.fields.Get("Connection") != "close" {
			t.Errorf("%q: %q %q", request, m.text, body)
		}
		_ = p.conn.Close()
	}
	wantMetric(t, e, `weir_sessions_refused_total{reason="not_tls"}`, 4)
	wantMetric(t, e, "weir_client_connections", 0)
	b.wantUntouched()
}

// TestTLSGarbage that begins as TLS ends the connection, and is counted by what is wrong.
func TestTLSGarbage(t *testing.T) {
	t.Parallel()
	e := startTLS(t, nil, listen(t).url())
	for _, c := range []struct{ bytes, reason string }{
		{"\x16\x03\x01\x00\x04\xff\x00\x00\x00", "garbage"},
		{"\x16\x03\x01\x00\x05\x01\xff\xff\xff\x00", "garbage"}, // a ClientHello of 16 MiB
		{"\x16\xff\xff\x00\x01\x01", "not_tls"},
		{e.hello()[:100], "client_gone"},
	} {
		series := fmt.Sprintf("weir_tls_handshake_failures_total{reason=%q}", c.reason)
		before := metric(t, e, series)
		p := e.reach()
		p.write(c.bytes)
		_ = p.conn.CloseWrite()
		p.rest()
		wantMetric(t, e, series, before+1)
	}
	old, err := e.trySecure(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11 })
	wantAlert(t, old, err)
	wantMetric(t, e, `weir_tls_handshake_failures_total{reason="no_common_version"}`, 1)
	wantMetric(t, e, `weir_sessions_refused_total{reason="tls_failed"}`, 4)
	wantMetric(t, e, `weir_sessions_refused_total{reason="client_gone_early"}`, 1)
	wantMetric(t, e, "weir_tls_handshakes_running", 0)
	wantMetric(t, e, "weir_client_connections", 0)
}

// hello is the first flight of a client.
func (e *rig) hello() string {
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	go func() { _ = tls.Client(theirs, e.ca.clientTLS()).Handshake() }()
	b := make([]byte, 16<<10)
	n, err := ours.Read(b)
	if err != nil {
		e.t.Fatal(err)
	}
	return string(b[:n])
}

// TestTLSHandshakeStalls in every place where it can: the connection is cut in time, and nothing is left of it.
func TestTLSHandshakeStalls(t *testing.T) {
	t.Parallel()
	e := startTLS(t, func(cfg *config.Config) { cfg.HandshakeTimeout = 200 * time.Millisecond }, listen(t).url())
	hello := e.hello()
	stalled := []string{"", hello[:1], hello[:len(hello)/2], hello[:len(hello)-1], hello}
	began := time.Now()
	var peers []*peer
	for _, text := range stalled {
		p := e.reach()
		if text != "" {
			p.write(text)
		}
		peers = append(peers, p)
	}
	for i, p := range peers {
		p.rest()
		if took := time.Since(began); took < 200*time.Millisecond {
			t.Errorf("%d bytes of a hello: cut after %v", len(stalled[i]), took)
		}
	}
	trickle := e.reach() // the deadline is for all of it
	for i := 0; ; i++ {
		if _, err := trickle.conn.Write([]byte{hello[i%len(hello)]}); err != nil || i > 1000 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	wantMetric(t, e, `weir_sessions_refused_total{reason="handshake_timeout"}`, float64(len(stalled)+1))
	wantMetric(t, e, "weir_client_connections", 0)
	wantMetric(t, e, "weir_tls_handshakes_running", 0)
	late := startTLS(t, func(cfg *config.Config) { cfg.HandshakeTimeout = 2 * time.Second }, listen(t).url())
	secure := late.secure() // TLS stands, and no request comes
	secure.wantStatus(408)
}

// TestSilentHandshakes keep nobody out, not even where they hold all places, and nobody computes for them.
func TestSilentHandshakes(t *testing.T) {
	t.Parallel()
	b := listen(t)
	e := startTLS(t, func(cfg *config.Config) { cfg.TLSHandshakes, cfg.Loops = 4, 2 }, b.url())
	hello := e.hello()
	for range 20 {
		e.reach().write(hello)
	}
	wantMetric(t, e, "weir_tls_handshakes_running", 4)
	wantMetric(t, e, "weir_compute_running", 0)
	roundTrips(t, e, b, 3) // in clear nobody waits
	const n = 8
	var clients sync.WaitGroup
	for range n {
		p := e.reach()
		clients.Go(func() {
			if _, err := p.startTLS(e.ca.clientTLS()); err != nil {
				t.Error(err)
			}
		})
	}
	gone := e.reach() // leaves while it waits
	gone.write(hello)
	gone.reset()
	clients.Wait()
	wantMetric(t, e, "weir_tls_handshakes_waiting", 0)
	wantMetric(t, e, `weir_tls_handshakes_total{version="TLS 1.3",resumed="false"}`, n)
	if n := metric(t, e, `weir_tls_handshake_failures_total{reason="timeout"}`); n == 0 {
		t.Error("nobody was cut")
	}
}

// TestTLSReload takes a new certificate for new connections, keeps the old one where the new is bad, and touches no
// session.
func TestTLSReload(t *testing.T) {
	t.Parallel()
	var text logs
	b := listen(t)
	e := startTLSLogging(t, &text, nil, b.url())
	client, server := e.secureSession(b)
	serial := func() string { return e.secure().state().PeerCertificates[0].SerialNumber.String() }
	first := serial()
	e.ca.server(e.cert, e.key, "weir.test")
	if err := reread(e); err != nil {
		t.Fatal(err)
	}
	second := serial()
	if second == first {
		t.Error("the old certificate is still shown")
	}
	for i, spoil := range []func(){
		func() { _ = os.WriteFile(e.cert, []byte("rubbish"), 0o600) },
		func() { _ = os.Truncate(e.cert, 100) },
		func() { e.ca.server(e.cert, e.cert+".other", "weir.test") }, // and not its key
		func() { _ = os.Remove(e.cert) },
	} {
		spoil()
		if err := reread(e); err == nil || !strings.Contains(err.Error(), e.cert) {
			t.Errorf("case %d: %v", i, err)
		}
		if serial() != second {
			t.Errorf("case %d: another certificate is shown", i)
		}
	}
	wantMetric(t, e, "weir_tls_reloads_total", 1)
	wantMetric(t, e, "weir_tls_reload_failures_total", 4)
	if got := strings.Count(text.String(), "level=ERROR"); got != 4 {
		t.Errorf("%d errors are logged in\n%s", got, text.String())
	}
	client.send(ws.OpText, "there")
	server.want(ws.OpText, "there")
	server.send(ws.OpText, "back")
	client.want(ws.OpText, "back")
	if n := metric(t, e, `weir_tls_certificate_expires_seconds{name="weir.test"}`); n < float64(time.Now().Unix()) {
		t.Errorf("the certificate ends at %v", n)
	}
}
