package upstream

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// backend is a scripted endpoint: the test itself reads and writes the frames.
type backend struct {
	t   testing.TB
	ln  net.Listener
	tls *tls.Config // nil: in clear
}

func listen(t testing.TB) *backend {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	b := &backend{t: t, ln: ln}
	if secureBackends {
		b.tls = trusted.server("127.0.0.1")
	}
	return b
}

func (b *backend) url(scheme string) string {
	if b.tls != nil {
		scheme = map[string]string{"ws": "wss", "h2c": "h2", "ws+h2c": "wss+h2"}[scheme]
	}
	return scheme + "://" + b.ln.Addr().String()
}

// raw accepts a connection as it comes.
func (b *backend) raw() net.Conn {
	b.t.Helper()
	_ = b.ln.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Now().Add(patience))
	conn, err := b.ln.Accept()
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(2 * patience))
	return conn
}

// plain accepts a connection without a word of HTTP.
func (b *backend) plain() net.Conn {
	b.t.Helper()
	conn := b.raw()
	if b.tls == nil {
		return conn
	}
	secure := tls.Server(conn, b.tls)
	if err := secure.Handshake(); err != nil {
		b.t.Fatal(err)
	}
	return secure
}

// silent accepts a connection and says nothing on it. TLS is completed if there is time for it.
func (b *backend) silent() {
	b.t.Helper()
	conn := b.raw()
	if b.tls != nil {
		_ = tls.Server(conn, b.tls).Handshake()
	}
}

// socket is what a connection is at bottom.
func socket(conn net.Conn) *net.TCPConn {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	return conn.(*net.TCPConn)
}

var offer = http2.Setting{ID: http2.SettingEnableConnectProtocol, Val: 1}

// accept takes a connection's preface and offers extended CONNECT with further settings.
func (b *backend) accept(more ...http2.Setting) *peer {
	b.t.Helper()
	return greet(b.t, b.plain(), append([]http2.Setting{offer}, more...)...)
}

// peer is the backend's end of a pooled connection.
type peer struct {
	*http2.Framer
	t     testing.TB
	conn  net.Conn
	block bytes.Buffer
	hpack *hpack.Encoder
}

func greet(t testing.TB, conn net.Conn, settings ...http2.Setting) *peer {
	t.Helper()
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(conn, preface); err != nil || string(preface) != http2.ClientPreface {
		t.Fatalf("preface %q, %v", preface, err)
	}
	p := &peer{Framer: http2.NewFramer(conn, conn), t: t, conn: conn}
	p.AllowIllegalWrites = true
	p.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	p.hpack = hpack.NewEncoder(&p.block)
	p.ok(p.WriteSettings(settings...))
	return p
}

func (p *peer) ok(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// find reads up to a frame of type F that matches.
func find[F http2.Frame](p *peer, match func(F) bool) F {
	p.t.Helper()
	for {
		f, err := p.ReadFrame()
		if err != nil {
			var want F
			p.t.Fatalf("no %T came: %v", want, err)
		}
		if f, is := f.(F); is && match(f) {
			return f
		}
	}
}

// request reads up to the next request and gives its stream.
func (p *peer) request() uint32 {
	p.t.Helper()
	return find(p, func(*http2.MetaHeadersFrame) bool { return true }).StreamID
}

// reset reads up to a RST_STREAM.
func (p *peer) reset(id uint32, code http2.ErrCode) {
	p.t.Helper()
	f := find(p, func(f *http2.RSTStreamFrame) bool { return f.StreamID == id })
	if f.ErrCode != code {
		p.t.Fatalf("RST_STREAM with %v, want %v", f.ErrCode, code)
	}
}

// goAway reads up to a GOAWAY, behind which the connection ends.
func (p *peer) goAway(code http2.ErrCode) {
	p.t.Helper()
	f := find(p, func(*http2.GoAwayFrame) bool { return true })
	if f.ErrCode != code {
		p.t.Fatalf("GOAWAY with %v (%s), want %v", f.ErrCode, f.DebugData(), code)
	}
	if f, err := p.ReadFrame(); err == nil {
		p.t.Fatalf("%v follows GOAWAY", f)
	}
}

// received reads n bytes of a stream's DATA.
func (p *peer) received(id uint32, n int) (all []byte) {
	p.t.Helper()
	for len(all) < n {
		f := find(p, func(f *http2.DataFrame) bool { return f.StreamID == id })
		all = append(all, f.Data()...)
	}
	return all
}

// header encodes a block of name-value pairs.
func (p *peer) header(pairs ...string) []byte {
	p.block.Reset()
	for i := 0; i < len(pairs); i += 2 {
		p.ok(p.hpack.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]}))
	}
	return slices.Clone(p.block.Bytes())
}

func (p *peer) headers(id uint32, end bool, pairs ...string) {
	p.t.Helper()
	p.ok(p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.header(pairs...), EndStream: end, EndHeaders: true}))
}

// serve answers n requests with 200 and gives their streams.
func (p *peer) serve(n int) (ids []uint32) {
	p.t.Helper()
	for range n {
		id := p.request()
		p.headers(id, false, ":status", "200")
		ids = append(ids, id)
	}
	return ids
}

// pair is a rig with one endpoint and n clients on one connection, all of them answered, in order of their streams.
func pair(t testing.TB, n int, change func(*Dialer), more ...http2.Setting) (*rig, *backend, *peer, []*client, []uint32) {
	t.Helper()
	b := listen(t)
	r := newRig(t, change, b.url("h2c"))
	clients := r.ask(n)
	p := b.accept(more...)
	ids := p.serve(n)
	for _, c := range clients {
		c.want("answer 101")
	}
	return r, b, p, clients, ids
}

// echoes proves that a stream works both ways.
func echoes(t testing.TB, p *peer, c *client, id uint32) {
	t.Helper()
	c.write("to the backend")
	if got := p.received(id, 14); string(got) != "to the backend" {
		t.Fatalf("the backend received %q", got)
	}
	p.ok(p.WriteData(id, false, []byte("to the client")))
	if got := c.read(13); string(got) != "to the client" {
		t.Fatalf("the client received %q", got)
	}
}
