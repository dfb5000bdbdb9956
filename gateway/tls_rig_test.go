package gateway_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway"
	"weir/gateway/config"
	"weir/gateway/routing"
)

// edge is a gateway that is reached in clear and over TLS, with plain HTTP beside WebSocket.
type edge struct {
	*gateway.Gateway
	t         testing.TB
	ca        *authority
	cert, key string
}

// startEdge runs one whose certificate is for weir.test.
func startEdge(t testing.TB, change func(*config.Config), backends ...string) *edge {
	t.Helper()
	return startEdgeLogging(t, io.Discard, change, backends...)
}

func startEdgeLogging(t testing.TB, w io.Writer, change func(*config.Config), backends ...string) *edge {
	t.Helper()
	dir := t.TempDir()
	e := &edge{t: t, ca: newAuthority(t), cert: filepath.Join(dir, "tls.crt"), key: filepath.Join(dir, "tls.key")}
	e.ca.server(e.cert, e.key, "weir.test", "*.weir.test")
	e.Gateway = startLogging(t, w, func(cfg *config.Config) {
		cfg.TLSListen, cfg.TLSCert, cfg.TLSKey = []string{"127.0.0.1:0"}, []string{e.cert}, []string{e.key}
		cfg.HTTP, cfg.TLSReloadInterval, cfg.CloseTimeout = true, 0, 200*time.Millisecond
		if change != nil {
			change(cfg)
		}
	}, backends...)
	return e
}

// secureAddr is where TLS is spoken.
func (e *edge) secureAddr() string { return e.Addrs()[len(e.Addrs())-1].String() }

// clientTLS is how a client of weir.test speaks TLS.
func (e *edge) clientTLS(change ...func(*tls.Config)) *tls.Config {
	c := &tls.Config{RootCAs: e.ca.pool, ServerName: "weir.test"}
	for _, f := range change {
		f(c)
	}
	return c
}

// secured is a peer that speaks over TLS. The peer in it reads through TLS, but writes below it.
type secured struct {
	*peer
	tls *tls.Conn
}

// reach opens a TCP connection to where TLS is spoken.
func (e *edge) reach() *peer {
	e.t.Helper()
	conn, err := net.DialTimeout("tcp", e.secureAddr(), patience)
	if err != nil {
		e.t.Fatal(err)
	}
	return newPeer(e.t, conn, true)
}

// secure opens a connection over TLS; nothing is sent on it.
func (e *edge) secure(change ...func(*tls.Config)) *secured {
	e.t.Helper()
	s, err := e.trySecure(change...)
	if err != nil {
		e.t.Fatal(err)
	}
	return s
}

func (e *edge) trySecure(change ...func(*tls.Config)) (*secured, error) {
	e.t.Helper()
	p := e.reach()
	return p.startTLS(e.clientTLS(change...))
}

// startTLS shakes hands on a connection that stands.
func (p *peer) startTLS(c *tls.Config) (*secured, error) {
	s := &secured{peer: p, tls: tls.Client(p.conn, c)}
	_ = p.conn.SetDeadline(time.Now().Add(patience))
	err := s.tls.Handshake()
	p.in = bufio.NewReader(s.tls)
	return s, err
}

func (s *secured) write(text string) {
	s.t.Helper()
	_ = s.conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := s.tls.Write([]byte(text)); err != nil {
		s.t.Fatalf("writing: %v", err)
	}
}

func (s *secured) send(op ws.OpCode, payload string) {
	s.t.Helper()
	s.write(string(s.encode(ws.NewFrame(op, true, []byte(payload)))))
}

func (s *secured) sendClose(code ws.StatusCode) {
	s.t.Helper()
	s.send(ws.OpClose, string(ws.NewCloseFrameBody(code, "")))
}

// wantGoodbye reads the end of TLS, which the gateway has to announce (RFC 8446 section 6.1), and nothing before it.
func (s *secured) wantGoodbye() {
	s.t.Helper()
	_ = s.conn.SetReadDeadline(time.Now().Add(patience))
	if b, err := s.in.ReadByte(); err != io.EOF {
		s.t.Fatalf("wanted close_notify, got %q, %v", b, err)
	}
}

// session opens a WebSocket over TLS and returns both its ends.
func (e *edge) session(b *backend, change ...func(*tls.Config)) (client *secured, server *peer) {
	e.t.Helper()
	client = e.secure(change...)
	client.write(handshake("/"))
	server = b.accept()
	server.upgrade()
	client.wantStatus(101)
	return client, server
}

// bytes reads a body's n bytes.
func (p *peer) bytes(n int) string {
	p.t.Helper()
	b := make([]byte, n)
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.ReadFull(p.in, b); err != nil {
		p.t.Fatalf("in a body: %v", err)
	}
	return string(b)
}

// answer reads an answer and its body.
func (p *peer) answer() (*message, string) {
	p.t.Helper()
	m := p.head()
	size := 0
	for _, c := range m.fields.Get("Content-Length") {
		size = size*10 + int(c-'0')
	}
	return m, p.bytes(size)
}

// addRoute puts a route of its own into a configuration made by hand; all others have to follow it.
func addRoute(cfg *config.Config, name string, match routing.Match, change func(*config.Config)) {
	own := *cfg
	own.Routes = nil
	if change != nil {
		change(&own)
	}
	cfg.Routes = append(cfg.Routes, config.Route{Name: name, Match: match, Config: &own})
}

// wantAlert is for handshakes that the gateway refuses. In TLS 1.3 a client hears of it with its first read.
func wantAlert(t testing.TB, s *secured, err error) {
	t.Helper()
	if err == nil {
		_, err = s.in.ReadByte()
	}
	var alert tls.AlertError
	var broken *net.OpError
	if !errors.As(err, &alert) && !errors.As(err, &broken) {
		t.Errorf("wanted an alert, got %v", err)
	}
}

// tlsRecord is what a read may bring beyond a read buffer: a record that was begun by the one before.
const tlsRecord = 16 << 10

// bothKinds are backends that answer one request of either kind on each connection.
func bothKinds(t *testing.T, n int) (urls []string) {
	t.Helper()
	for range n {
		b := listen(t)
		go func() {
			for {
				conn, err := b.ln.Accept()
				if err != nil {
					return
				}
				go serveOnce(conn)
			}
		}()
		urls = append(urls, b.url())
	}
	return urls
}
