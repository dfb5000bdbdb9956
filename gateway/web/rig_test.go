package web_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"weir/codec/http1"
	"weir/gateway/web"
	"weir/netpoll"
	"weir/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = time.Minute // for what has to happen

// rig is a server between real sockets: a listener in the place of the event loops, and endpoints.
type rig struct {
	t        testing.TB
	server   *web.Server
	plan     *web.Plan
	group    *upstream.Group
	client   *http.Client
	url      string // of the front
	addr     net.Addr
	upgrades chan upgrade
	lines    chan web.Line
	closed   atomic.Int64 // calls of Client.Closed
	taken    atomic.Int64 // connections that Serve took
	refused  chan error   // what Serve said otherwise
	stop     func()
	loop     *netpoll.Loop // nil: clients are net.Conns
}

type upgrade struct {
	conn        net.Conn
	head, early string
	closed      int64 // calls of Client.Closed by then
}

type setup struct {
	specs   []string
	tls     bool
	options func(*web.Options)
	plan    func(*web.Plan)
	more    web.TransportOptions
	backend func(*upstream.Options)
	loop    bool // clients are an event loop's
	unix    bool // and come by a unix socket
}

func newRig(t testing.TB, s setup) *rig {
	t.Helper()
	r := &rig{t: t, upgrades: make(chan upgrade, 8), lines: make(chan web.Line, 1024), refused: make(chan error, 64)}
	specs := make([]upstream.Spec, len(s.specs))
	for i, text := range s.specs {
		spec, err := upstream.ParseSpec(text)
		if err != nil {
			t.Fatal(err)
		}
		specs[i] = spec
	}
	var uo upstream.Options
	if s.backend != nil {
		s.backend(&uo)
	}
	var err error
	if r.group, err = upstream.NewGroup(specs, uo); err != nil {
		t.Fatal(err)
	}
	r.group.Start()
	if s.more.ConnectTimeout == 0 {
		s.more.ConnectTimeout = patience
	}
	s.more.MaxIdlePerEndpoint = 8
	r.plan = &web.Plan{
		Route: "all", Group: r.group, Retries: 1, Rules: &http1.Rules{Forwarded: true}, Transports: web.NewTransports(s.more),
	}
	if s.plan != nil {
		s.plan(r.plan)
	}
	origin := func(_ *http.Request, c *web.Client) http1.From {
		return http1.From{Addr: c.Peer.Addr(), TLS: c.TLS != nil}
	}
	o := web.Options{
		Origin: origin,
		Find: func(q *http.Request, c *web.Client) (web.Found, *http1.Refusal) {
			return web.Found{Plan: r.plan, From: origin(q, c), Key: upstream.Hash([]byte(q.Header.Get("X-Key")))}, nil
		},
		Upgrade: func(conn net.Conn, _ *web.Client, head, early []byte) {
			r.upgrades <- upgrade{conn, string(head), string(early), r.closed.Load()}
		},
		Log:           func(l web.Line) { r.lines <- l },
		Limits:        http1.Limits{Head: 16 << 10, Fields: 100},
		HeaderTimeout: patience, IdleTimeout: patience, MaxConns: 100,
	}
	if s.options != nil {
		s.options(&o)
	}
	r.server = web.New(o)
	if s.loop {
		if r.loop, err = netpoll.Start(0, netpoll.Options{ReadBuffer: 64 << 10, LowWater: 32 << 10}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.loop.Stop)
	}
	r.listen(s)
	t.Cleanup(r.end)
	return r
}

// listen takes connections as a loop would, and does TLS handshakes.
func (r *rig) listen(s setup) {
	network, address, secure := "tcp", "127.0.0.1:0", s.tls
	if s.unix {
		network, address = "unix", filepath.Join(r.t.TempDir(), "s")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		r.t.Fatal(err)
	}
	r.url, r.addr = "http://"+l.Addr().String(), l.Addr()
	transport := &http.Transport{DisableCompression: true}
	var cert tls.Certificate
	if secure {
		r.url = "https://" + l.Addr().String()
		var trust *tls.Config
		cert, trust = credentials()
		transport.TLSClientConfig = trust.Clone()
		transport.Protocols = new(http.Protocols)
		transport.Protocols.SetHTTP2(true)
	}
	r.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { r.take(conn, secure, cert) })
		}
	})
	r.stop = func() {
		_ = l.Close()
		running.Wait()
		transport.CloseIdleConnections()
	}
}

func (r *rig) take(conn net.Conn, secure bool, cert tls.Certificate) {
	c := &web.Client{
		Peer: addrPort(conn.RemoteAddr()), Local: addrPort(conn.LocalAddr()),
		Closed: func() { r.closed.Add(1) },
	}
	if r.loop != nil {
		conn = r.detached(conn)
	}
	if secure {
		t := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}})
		if t.Handshake() != nil {
			_ = conn.Close()
			return
		}
		state := t.ConnectionState()
		conn, c.TLS = t, &state
	}
	if err := r.server.Serve(conn, c); err != nil {
		r.refused <- err
		_ = conn.Close()
		return
	}
	r.taken.Add(1)
}

// detached is a client's connection as the gateway hands it over.
func (r *rig) detached(conn net.Conn) (out net.Conn) {
	file, err := conn.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		r.t.Fatal(err)
	}
	_ = conn.Close()
	fd, err := unix.Dup(int(file.Fd()))
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	_ = file.Close()
	_ = r.loop.Do(func() {
		var c netpoll.Conn
		if err == nil {
			err = r.loop.Attach(&c, fd, nil)
		}
		if err == nil {
			out = c.Detach(nil)
		}
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// end checks that each connection was given back exactly once.
func (r *rig) end() {
	r.client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r.stop()
	r.server.Shutdown(ctx)
	r.plan.Transports.Close()
	r.group.Close()
	if taken, closed := r.taken.Load(), r.closed.Load(); taken != closed {
		r.t.Errorf("%d connections were taken, and %d calls of Closed came", taken, closed)
	}
	for _, e := range r.group.Endpoints() {
		if n := e.Active(); n != 0 {
			r.t.Errorf("%s still has a load of %d", e.Name, n)
		}
	}
}

func (r *rig) line() web.Line {
	r.t.Helper()
	select {
	case l := <-r.lines:
		return l
	case <-time.After(patience):
		r.t.Fatal("no line")
		return web.Line{}
	}
}

// do sends a request through the server and reads the answer to its end.
func (r *rig) do(method, path, body string, fields ...string) (*http.Response, string) {
	r.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, r.url, reader)
	if err != nil {
		r.t.Fatal(err)
	}
	req.URL.Opaque, req.URL.RawQuery, _ = strings.Cut(path, "?") // byte for byte
	for i := 0; i < len(fields); i += 2 {
		req.Header.Add(fields[i], fields[i+1])
	}
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res, string(all)
}
