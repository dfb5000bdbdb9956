package gateway_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gobwas/ws"

	"weir/internal/freeport"
)

// A handshake is judged by the configuration in force at its first byte, wherever it is when another one comes.

// tells is a backend that tells its name to requests of either kind. Where slow is given, it takes WebSockets once it is closed.
func tells(t testing.TB, name string, slow <-chan struct{}, asked chan<- struct{}) (hostPort string) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked != nil {
			asked <- struct{}{}
		}
		if slow != nil {
			<-slow
		}
		if r.Header.Get("Upgrade") == "" {
			fmt.Fprint(w, name)
			return
		}
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
		if err != nil {
			return
		}
		defer c.CloseNow()
		for c.Write(r.Context(), websocket.MessageText, []byte(name)) == nil {
			if _, _, err := c.Read(r.Context()); err != nil {
				return
			}
		}
	}))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

// crossing is a gateway with two configurations, and a client that is on its way when the second one comes.
type crossing struct {
	*rig
	t         *testing.T
	ca        *authority
	certs     [2]string // of each configuration, without the ending
	backends  [2]string
	slow      string        // a backend of the first one that answers once it is released
	asked     chan struct{} // by slow, and by the service
	release   func()        // of slow
	auth      [2]*service   // the first lets in once it is released; the second nobody
	proxied   bool          // connections begin with a PROXY header
	gone      bool          // the second configuration has no route for the client
	turnsOver bool          // and speaks TLS where the first one spoke in clear
	removed   bool          // or listens there no more
	turning   string        // this address
}

func startCrossing(t *testing.T, change func(*crossing)) *crossing {
	c := &crossing{t: t, ca: newAuthority(t), asked: make(chan struct{}, 8), turning: freeport.Addr(t)}
	hold := make(chan struct{})
	c.release = func() { close(hold) }
	c.backends = [2]string{tells(t, "one", nil, nil), tells(t, "two", nil, nil)}
	c.slow = tells(t, "one", hold, c.asked)
	c.auth = [2]*service{serve(t, true, text("")), serve(t, false, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })}
	dir := t.TempDir()
	for i := range c.certs {
		c.certs[i] = filepath.Join(dir, fmt.Sprint(i))
		c.ca.server(c.certs[i]+".pem", c.certs[i]+".key", "weir.test", fmt.Sprintf("cert-%d.test", i))
	}
	if change != nil {
		change(c)
	}
	c.rig = startReloading(t, c.config(0))
	return c
}

func (c *crossing) config(i int) string {
	lists := []string{"127.0.0.1:0, " + c.turning, "127.0.0.1:0"}
	switch {
	case c.removed && i == 1:
		lists[0] = "127.0.0.1:0"
	case c.turnsOver && i == 1:
		lists = []string{"127.0.0.1:0", "127.0.0.1:0, " + c.turning}
	}
	text := fmt.Sprintf("\nlisten: [%s]\ntls-listen: [%s]\ntls-cert: ['%s.pem']\ntls-key: ['%s.key']\nproxy-protocol: %v\ntrusted-proxies: [%s]\n", lists[0], lists[1], c.certs[i], c.certs[i],
		c.proxied, map[bool]string{true: "127.0.0.1"}[c.proxied])
	if c.gone && i == 1 {
		return text + "routes: [{name: other, match: {path: /other}, upstream: 'ws://" + c.backends[1] + "'}]"
	}
	slow := c.slow
	if i == 1 {
		slow = c.backends[1]
	}
	return text + fmt.Sprintf("routes: [{name: slow, match: {path: /slow}, upstream: 'ws://%s'}, {name: auth, match: {path: /auth}, auth-url: '%s', upstream: 'ws://%s'}, {name: rest, upstream: 'ws://%s'}]",
		slow, c.auth[i].URL, c.backends[i], c.backends[i])
}

func (c *crossing) dial(addr net.Addr) *peer {
	c.t.Helper()
	return reach(c.t, addr.String())
}

func (c *crossing) clear() *peer  { return c.dial(c.Addrs()[0]) }
func (c *crossing) secure() *peer { return c.dial(c.Addrs()[len(c.Addrs())-1]) }

// accepted waits until all who have connected are the gateway's.
func (c *crossing) accepted(n int) {
	c.t.Helper()
	wantMetric(c.t, c.rig, "weir_connections_accepted_total", float64(n))
}

func (c *crossing) tls() *tls.Config {
	return &tls.Config{RootCAs: c.ca.pool, ServerName: "weir.test", NextProtos: []string{"http/1.1"}}
}

// outcome is what the client gets in the end: the name that a backend tells it, or the status of a refusal.
func outcome(in io.Reader, out io.Writer) string {
	r := bufio.NewReader(in)
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		return err.Error()
	}
	if answer.StatusCode == 200 {
		b, _ := io.ReadAll(answer.Body)
		return string(b)
	}
	if answer.StatusCode != 101 {
		return fmt.Sprint(answer.StatusCode)
	}
	first, err := ws.ReadFrame(r)
	if err != nil {
		return err.Error()
	}
	_ = ws.WriteFrame(out, ws.MaskFrame(ws.NewTextFrame([]byte("on")))) // and it goes on
	second, err := ws.ReadFrame(r)
	if err != nil || !bytes.Equal(first.Payload, second.Payload) {
		return fmt.Sprintf("%q, then %q, %v", first.Payload, second.Payload, err)
	}
	return string(first.Payload)
}

// halved is a connection whose first Write sends half of what it is given, and the rest when told.
type halved struct {
	net.Conn
	sent chan struct{} // closed when the half is out
	goOn chan struct{}
	done bool
}

func (h *halved) Write(b []byte) (int, error) {
	if h.done {
		return h.Conn.Write(b)
	}
	h.done = true
	n, err := h.Conn.Write(b[:len(b)/2])
	close(h.sent)
	<-h.goOn
	if err == nil {
		var m int
		m, err = h.Conn.Write(b[n:])
		n += m
	}
	return n, err
}

// points are where a client may be. Each gives what the client does once the second configuration is in force.
var points = []struct {
	name   string
	change func(*crossing)
	begin  func(*crossing) func() string
	second bool // its first byte comes later, so that the second configuration counts

}{
	{name: "accepted and silent", second: true, begin: func(c *crossing) func() string {
		p := c.clear()
		c.accepted(1)
		return func() string { p.write(handshake("/")); return outcome(p.in, p.conn) }
	}},
	{name: "accepted and silent, for TLS", second: true, begin: func(c *crossing) func() string {
		p := c.secure()
		c.accepted(1)
		return func() string { return c.overTLS(p.conn, 1, handshake("/")) }
	}},
	{name: "accepted and silent, where TLS is spoken from now on", second: true, change: func(c *crossing) { c.turnsOver = true }, begin: func(c *crossing) func() string {
		p := c.dial(c.Addrs()[1])
		c.accepted(1)
		return func() string { return c.overTLS(p.conn, 1, handshake("/")) }
	}},
	{name: "a PROXY header half read", change: func(c *crossing) { c.proxied = true }, begin: func(c *crossing) func() string {
		p := c.clear()
		p.write(proxyLine[:9])
		c.began()
		return func() string { p.write(proxyLine[9:] + handshake("/")); return outcome(p.in, p.conn) }
	}},
	{name: "a PROXY header half read, before TLS", change: func(c *crossing) { c.proxied = true }, begin: func(c *crossing) func() string {
		p := c.secure()
		p.write(proxyLine[:9])
		c.began()
		return func() string { p.write(proxyLine[9:]); return c.overTLS(p.conn, 0, handshake("/")) }
	}},
	{name: "a PROXY header half read, where TLS is spoken from now on", change: func(c *crossing) { c.proxied, c.turnsOver = true, true }, begin: func(c *crossing) func() string {
		p := c.dial(c.Addrs()[1])
		p.write(proxyLine[:9])
		c.began()
		return func() string { p.write(proxyLine[9:] + handshake("/")); return outcome(p.in, p.conn) }
	}},
	{name: "a TLS hello half sent", begin: func(c *crossing) func() string {
		h := &halved{Conn: c.secure().conn, sent: make(chan struct{}), goOn: make(chan struct{})}
		got := make(chan string, 1)
		go func() { got <- c.overTLS(h, 0, handshake("/")) }()
		await(c.t, h.sent, "half a hello")
		c.began()
		return func() string { close(h.goOn); return <-got }
	}},
	{name: "TLS done", begin: func(c *crossing) func() string {
		s, err := c.secure().startTLS(c.tls())
		if err != nil {
			c.t.Fatal(err)
		}
		wantMetric(c.t, c.rig, `weir_tls_handshakes_total{version="TLS 1.3",resumed="false"}`, 1)
		return func() string { s.write(handshake("/")); return outcome(s.in, s.conn) }
	}},
	{name: "half a request head", begin: func(c *crossing) func() string {
		p := c.clear()
		p.write(handshake("/")[:20])
		c.began()
		return func() string { p.write(handshake("/")[20:]); return outcome(p.in, p.conn) }
	}},
	{name: "half a request head, where TLS is spoken from now on", change: func(c *crossing) { c.turnsOver = true }, begin: func(c *crossing) func() string {
		p := c.dial(c.Addrs()[1])
		p.write(handshake("/")[:20])
		c.began()
		return func() string { p.write(handshake("/")[20:]); return outcome(p.in, p.conn) }
	}},
	{name: "its credential is being checked, over WebSocket", begin: func(c *crossing) func() string {
		p := c.clear()
		p.write(handshake("/auth"))
		await(c.t, c.auth[0].came, "the question to the service")
		return func() string { c.auth[0].release(); return outcome(p.in, p.conn) }
	}},
	{name: "its credential is being checked, over HTTP/1.1", begin: func(c *crossing) func() string {
		p := c.clear()
		p.write(head("GET /auth HTTP/1.1", "Host: weir.test"))
		await(c.t, c.auth[0].came, "the question to the service")
		return func() string { c.auth[0].release(); return outcome(p.in, p.conn) }
	}},
	{name: "its credential is being checked, over HTTP/2", begin: func(c *crossing) func() string {
		got := make(chan string, 1)
		go func() { got <- c.overHTTP2("/auth") }()
		await(c.t, c.auth[0].came, "the question to the service")
		return func() string { c.auth[0].release(); return <-got }
	}},
	{name: "a backend is being asked", begin: func(c *crossing) func() string {
		p := c.clear()
		p.write(handshake("/slow"))
		await(c.t, c.asked, "the question to the backend")
		return func() string { c.release(); return outcome(p.in, p.conn) }
	}},
	{name: "a backend is being asked, over HTTP/1.1", begin: func(c *crossing) func() string {
		p := c.clear()
		p.write(head("GET /slow HTTP/1.1", "Host: weir.test"))
		await(c.t, c.asked, "the question to the backend")
		return func() string { c.release(); return outcome(p.in, p.conn) }
	}},
	{name: "the 101 is on its way", begin: func(c *crossing) func() string {
		p := c.clear()
		p.write(handshake("/"))
		wantMetric(c.t, c.rig, "weir_sessions_opened_total", 1)
		return func() string { return outcome(p.in, p.conn) }
	}},
	{name: "between two requests", second: true, begin: func(c *crossing) func() string {
		p := c.clear()
		p.write(head("GET / HTTP/1.1", "Host: weir.test"))
		p.answer()
		return func() string { p.write(handshake("/")); return outcome(p.in, p.conn) }
	}},
	{name: "between two requests, for plain HTTP", second: true, begin: func(c *crossing) func() string {
		p := c.clear()
		p.write(head("GET / HTTP/1.1", "Host: weir.test"))
		p.answer()
		return func() string { p.write(head("GET / HTTP/1.1", "Host: weir.test")); return outcome(p.in, p.conn) }
	}},
	{name: "accepted and silent, where nobody listens from now on", change: func(c *crossing) { c.removed = true }, begin: func(c *crossing) func() string {
		p := c.dial(c.Addrs()[1])
		c.accepted(1)
		return func() string { p.write(handshake("/")); return outcome(p.in, p.conn) }
	}},
	{name: "between two requests, where TLS is spoken from now on", second: true, change: func(c *crossing) { c.turnsOver = true }, begin: betweenRequests},
	{name: "between two requests, where nobody listens from now on", second: true, change: func(c *crossing) { c.removed = true }, begin: betweenRequests},
}

// betweenRequests is a kept connection to the listener that changes.
func betweenRequests(c *crossing) func() string {
	p := c.dial(c.Addrs()[1])
	p.write(head("GET / HTTP/1.1", "Host: weir.test"))
	p.answer()
	return func() string { p.write(handshake("/")); return outcome(p.in, p.conn) }
}

const proxyLine = "PROXY TCP4 192.0.2.7 192.0.2.1 1234 80\r\n"

// began waits until the gateway has read what the one client has sent so far.
func (c *crossing) began() {
	c.t.Helper()
	c.accepted(1)
	readByNow(c.t, c.rig)
}

// overTLS makes a handshake and sends a request, and wants the certificate of one configuration.
func (c *crossing) overTLS(conn net.Conn, config int, request string) string {
	_ = conn.SetDeadline(time.Now().Add(patience))
	s := tls.Client(conn, c.tls())
	if err := s.Handshake(); err != nil {
		return err.Error()
	}
	if s.ConnectionState().PeerCertificates[0].VerifyHostname(fmt.Sprintf("cert-%d.test", config)) != nil {
		return "another configuration's certificate"
	}
	if _, err := io.WriteString(s, request); err != nil {
		return err.Error()
	}
	return outcome(s, s)
}

func (c *crossing) overHTTP2(path string) string {
	conf := c.tls()
	conf.NextProtos = nil
	client := &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: conf, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	addr := c.Addrs()[len(c.Addrs())-1].String()
	r, _ := http.NewRequest("GET", "https://"+addr+path, nil)
	answer, err := client.Do(r)
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	b, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != 200 {
		return fmt.Sprint(answer.StatusCode)
	}
	return fmt.Sprint(string(b), map[bool]string{false: " over " + answer.Proto}[answer.ProtoMajor == 2])
}

// TestReloadAtEveryPoint has a second configuration come while a client is on its way, which has other backends, or no
// place for it at all.
func TestReloadAtEveryPoint(t *testing.T) {
	t.Parallel()
	for _, point := range points {
		for _, gone := range []bool{false, true} {
			t.Run(strings.ReplaceAll(fmt.Sprintf("%s; gone %t", point.name, gone), ",", ";"), func(t *testing.T) {
				t.Parallel()
				c := startCrossing(t, func(c *crossing) {
					c.gone = gone
					if point.change != nil {
						point.change(c)
					}
				})
				goOn := point.begin(c)
				c.to(c.config(1))
				want := "one"
				if point.second {
					want = map[bool]string{false: "two", true: "404"}[gone]
				}
				if got := goOn(); got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			})
		}
	}
}
