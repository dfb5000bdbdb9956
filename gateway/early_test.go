package gateway_test

import (
	"bytes"
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"weir/gateway/config"
)

// TestEarlyFramesBehindTLS come in the same breath as the end of TLS's handshake: none is lost.
func TestEarlyFramesBehindTLS(t *testing.T) {
	t.Parallel()
	b := listen(t)
	clients := newAuthority(t)
	e := startTLS(t, func(cfg *config.Config) {
		cfg.TLSClientAuth, cfg.TLSClientCA = config.ClientAuthAsk, clients.file
		cfg.ReadBuffer, cfg.HighWater, cfg.LowWater = 4096, 8192, 0
	}, b.url())
	certificate := clients.client("robot") // the check takes a while
	const frames = 25
	unit := func(i int) string { return strings.Repeat(string(rune('a'+i)), 8000) }
	for range 20 {
		p := e.reach()
		_ = p.tcp.SetWriteBuffer(1 << 20)
		behind := &withheld{Conn: p.conn}
		c := tls.Client(behind, e.ca.clientTLS(func(c *tls.Config) { c.Certificates = []tls.Certificate{certificate} }))
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write([]byte(handshake("/")))
		for i := range frames {
			_, _ = c.Write(p.encode(ws.NewTextFrame([]byte(unit(i)))))
		}
		if _, err := p.conn.Write(behind.kept.Bytes()); err != nil {
			t.Fatal(err)
		}
		server := b.accept()
		m := server.head()
		readByNow(t, e)
		server.write(switching(m))
		for i := range frames {
			server.want(ws.OpText, unit(i))
		}
		_ = p.conn.Close()
		_ = server.conn.Close()
	}
}

// withheld lets the first write go, a ClientHello, and keeps all others.
type withheld struct {
	net.Conn
	begun bool
	kept  bytes.Buffer
}

func (w *withheld) Write(b []byte) (int, error) {
	if !w.begun {
		w.begun = true
		return w.Conn.Write(b)
	}
	return w.kept.Write(b)
}

// TestEndBehindHandBack is heard of: the end of what the client sends, right behind an upgrade on a kept connection.
func TestEndBehindHandBack(t *testing.T) {
	t.Parallel()
	url, _ := pages(t)
	e := startTLS(t, func(cfg *config.Config) { cfg.HTTPUpstream = []string{url} }, echo(t))
	for _, secure := range []bool{false, true} {
		p := e.open(secure)
		p.write(get)
		p.answer()
		p.write(handshake("/"))
		_ = p.tcp.CloseWrite()
		p.rest()
	}
	wantMetric(t, e, "weir_client_connections", 0)
	wantMetric(t, e, "weir_http_connections", 0)
}
