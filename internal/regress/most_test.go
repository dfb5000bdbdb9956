//go:build linux

package regress

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"weir/bench/wire"
)

// A kind of connection does what it can to make the gateway keep something for it: heap and stacks, of which most is as
// much as docs/limits.md tells under "What is bounded".
type kind struct {
	name string
	alpn string // over TLS, with this protocol; "": in clear
	do   func(c *costly)
	most int64
}

const kib = 1 << 10

var kinds = []kind{
	{"one byte", "", func(c *costly) { c.write("G") }, 3 * kib},
	{"a head without an end", "", func(c *costly) { c.write("GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 16*kib-100)) }, 26 * kib},
	{"a TLS hello without an end", "", func(c *costly) { c.write("\x16\x03\x01\x3f\x00" + strings.Repeat("x", 16*kib-1000)) }, 26 * kib},
	{"TLS and no more", "http/1.1", func(*costly) {}, 12 * kib},
	{"a handshake and bytes behind it", "", func(c *costly) { c.write(handshake("/silent") + strings.Repeat("x", 1<<20)) }, 150 * kib},
	{"a handshake over TLS and bytes behind it", "http/1.1", func(c *costly) { c.write(handshake("/silent") + strings.Repeat("x", 1<<20)) }, 150 * kib},
	{"a later handshake and bytes behind it", "", laterHandshake, 150 * kib},
	{"a later handshake over TLS and bytes behind it", "http/1.1", laterHandshake, 150 * kib},
	{"a pipelined handshake and bytes behind it", "", pipelinedHandshake, 150 * kib},
	{"a pipelined handshake over TLS and bytes behind it", "http/1.1", pipelinedHandshake, 150 * kib},
	{"a session that is not read", "", func(c *costly) { c.write(handshake("/endless")); c.read() }, 160 * kib},
	{"a session whose backend does not read", "", func(c *costly) { c.write(handshake("/open")); c.read(); c.fill(binaryFrame) }, 160 * kib},
	{"a kept connection", "", func(c *costly) { c.write(get("/short")); c.read() }, 48 * kib},
	{"an answer that is not read", "", func(c *costly) { c.write(get("/endless")) }, 200 * kib},
	{"requests behind it", "", func(c *costly) { c.write(get("/endless")); c.fill([]byte(strings.Repeat(get("/endless"), 200))) }, 320 * kib},
	{"a body that is not read", "", func(c *costly) {
		c.write("POST /silent HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
		c.fill(make([]byte, 16*kib))
	}, 320 * kib},
	{"an answer over TLS", "http/1.1", func(c *costly) { c.write(get("/endless")) }, 220 * kib},
	{"HTTP2 and no request", "h2", func(*costly) {}, 48 * kib},
	{"HTTP2 a frame without an end", "h2", func(c *costly) { c.write("\x00\x40\x00\x01\x00\x00\x00\x00\x01" + strings.Repeat("x", 16*kib-1)) }, 90 * kib},
	{"HTTP2 fields without an end", "h2", func(c *costly) { c.fields() }, 180 * kib},
	{"HTTP2 pings whose answers are not read", "h2", func(c *costly) { c.write(strings.Repeat("\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678", 12_000)) }, 260 * kib},
	{"HTTP2 an answer that is not read", "h2", func(c *costly) { c.ask("/endless", true) }, 260 * kib},
	{"HTTP2 a body that is not read", "h2", func(c *costly) { c.ask("/silent", false); c.body() }, 400 * kib},
}

// laterHandshake comes on a kept connection.
func laterHandshake(c *costly) {
	c.write(get("/short"))
	c.read()
	c.write(handshake("/silent") + strings.Repeat("x", 1<<20))
}

// pipelinedHandshake comes while the request before it is served.
func pipelinedHandshake(c *costly) {
	c.write(get("/short") + handshake("/silent") + strings.Repeat("x", 1<<20))
	c.read()
}

// costly is a client's connection.
type costly struct {
	t    *testing.T
	conn net.Conn
}

func (c *costly) write(text string) {
	_ = c.conn.SetWriteDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(c.conn, text)
}

// fill writes b again and again, up to some MiB, for as long as the other side takes it.
func (c *costly) fill(b []byte) {
	for size := 0; size < 8<<20; size += len(b) {
		_ = c.conn.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
		if _, err := c.conn.Write(b); err != nil {
			return
		}
	}
}

func (c *costly) read() {
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := c.conn.Read(make([]byte, 256)); err != nil {
		c.t.Error(err)
	}
}

func (c *costly) framer() *http2.Framer { return http2.NewFramer(c.conn, nil) }

func block(path string) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for _, f := range [][2]string{{":method", "POST"}, {":scheme", "https"}, {":authority", "weir.test"}, {":path", path}} {
		_ = e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	return b.Bytes()
}

func (c *costly) ask(path string, whole bool) {
	_ = c.framer().WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block(path), EndHeaders: true, EndStream: whole})
	if whole {
		_ = c.framer().WriteWindowUpdate(0, 1<<30)
	}
}

// body sends as much of one as the windows let pass at first.
func (c *costly) body() {
	for range 15 {
		_ = c.framer().WriteData(1, false, make([]byte, 16*kib))
	}
}

// fields sends a head of many fields, as far as it is taken.
func (c *costly) fields() {
	f := c.framer()
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block("/")})
	for range 3 {
		_ = f.WriteContinuation(1, false, bytes.Repeat([]byte("\x00\x01x\x7f\x81\x7e"+strings.Repeat("x", 381)), 41))
	}
}

func get(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: weir.test\r\n\r\n" }

func handshake(path string) string {
	return string(wire.AppendRequest(nil, "weir.test", path, "dGhlIHNhbXBsZSBub25jZQ=="))
}

var binaryFrame = masked(wire.Binary, make([]byte, 16*kib))

// TestWhatAConnectionMayCost holds each kind to what is said of it.
func TestWhatAConnectionMayCost(t *testing.T) {
	const many = 25
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			g := start(t, way{tls: k.alpn != "" || strings.Contains(k.name, "TLS"), backend: selfish(t), flags: []string{"--handshake-timeout=1m", "--backend-timeout=1m"}})
			for _, c := range g.kept(t, k, 3) { // what is made once gets made
				_ = c.Close()
			}
			g.settled()
			before := g.settled()
			g.kept(t, k, many)
			each := (g.settled() - before) / many
			t.Logf("%d KiB", each/kib)
			if each > k.most {
				t.Errorf("each costs %d KiB, want at most %d", each/kib, k.most/kib)
			}
		})
	}
}

// kept are n connections of a kind, which stay.
func (g *gateway) kept(t *testing.T, k kind, n int) (all []net.Conn) {
	t.Helper()
	done := make(chan bool)
	for range n {
		conn, err := net.DialTimeout("tcp", g.addr, patience)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.(*net.TCPConn).SetReadBuffer(4 * kib)
		if k.alpn != "" {
			conf := g.tls.Clone()
			conf.NextProtos = []string{k.alpn}
			secure := tls.Client(conn, conf)
			if err := secure.Handshake(); err != nil {
				t.Fatal(err)
			}
			conn = secure
		}
		t.Cleanup(func() { _ = conn.Close() })
		all = append(all, conn)
		go func() {
			defer func() { done <- true }()
			if k.alpn == "h2" {
				_, _ = io.WriteString(conn, http2.ClientPreface)
				_ = http2.NewFramer(conn, nil).WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30})
			}
			k.do(&costly{t, conn})
		}()
	}
	for range n {
		<-done
	}
	return all
}

// settled is what the process has in heap and stacks once that grows no more.
func (g *gateway) settled() (bytes int64) {
	for same := 0; same < 3; time.Sleep(50 * time.Millisecond) {
		g.ask("/debug/pprof/heap?gc=1")
		text := g.ask("/debug/pprof/heap?gc=1&debug=1")
		now := g.number(text, `# HeapAlloc = (\d+)`) + g.number(text, `# Stack = (\d+)`)
		if same++; now > bytes+bytes/50 {
			same = 0
		}
		bytes = now
	}
	return bytes
}

// selfish runs a backend that takes or gives without end, as the path says.
func selfish(t *testing.T) (url string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	over := make(chan bool)
	t.Cleanup(func() { close(over) })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serveSelfish(conn)
				<-over
			}()
		}
	}()
	return "ws://" + l.Addr().String()
}

func serveSelfish(conn net.Conn) {
	_ = conn.(*net.TCPConn).SetReadBuffer(4 * kib)
	var head []byte
	for one := make([]byte, 1); !bytes.HasSuffix(head, []byte("\r\n\r\n")); head = append(head, one...) {
		if _, err := conn.Read(one); err != nil {
			return
		}
	}
	_, path, _ := strings.Cut(string(head), " ")
	webSocket := bytes.Contains(head, []byte("Sec-WebSocket-Key"))
	switch path, _, _ = strings.Cut(path, " "); {
	case path == "/silent":
		return
	case path == "/short":
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		_ = conn.Close()
		return
	case webSocket:
		key := head[bytes.Index(head, []byte("Sec-WebSocket-Key: "))+len("Sec-WebSocket-Key: "):]
		accept := wire.Accept(key[:24])
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+string(accept[:])+"\r\n\r\n")
	default:
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\n")
	}
	if path == "/endless" {
		piece := make([]byte, 16*kib)
		if webSocket {
			piece = append(wire.AppendHeader(nil, wire.Header{Fin: true, Opcode: wire.Binary, Length: int64(len(piece))}), piece...)
		}
		for {
			if _, err := conn.Write(piece); err != nil {
				return
			}
		}
	}
}
