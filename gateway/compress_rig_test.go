package gateway_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway"
	"weir/gateway/config"
	"weir/upstream/accept"
)

const (
	offersDeflate = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
	settled       = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
)

// pressWays are the ways between a client and a backend.
var pressWays = []string{"tunnel", "pool", "TLS"}

// pressed is a gateway that compresses for its clients.
type pressed struct {
	*gateway.Gateway
	t      testing.TB
	dial   func() (conn net.Conn, p *peer)
	accept func() (conn net.Conn, in *bufio.Reader, asked http.Header)
}

func startPress(t testing.TB, way string, change func(*config.Config)) *pressed {
	t.Helper()
	r := &pressed{t: t}
	url := r.tunnels()
	if way == "pool" {
		url = r.pools()
	}
	configure := func(cfg *config.Config) {
		cfg.Compression, cfg.CloseTimeout = config.CompressionGateway, 300*time.Millisecond
		if change != nil {
			change(cfg)
		}
	}
	if way == "TLS" {
		e := startEdge(t, configure, url)
		r.Gateway = e.Gateway
		r.dial = func() (net.Conn, *peer) {
			s := e.secure()
			s.write(handshake("/", offersDeflate))
			return s.tls, s.peer
		}
		return r
	}
	r.Gateway = start(t, configure, url)
	r.dial = func() (net.Conn, *peer) {
		p := connect(t, r.Gateway)
		p.write(handshake("/", offersDeflate))
		return p.conn, p
	}
	return r
}

func (r *pressed) tunnels() string {
	b := listen(r.t)
	r.accept = func() (net.Conn, *bufio.Reader, http.Header) {
		p := b.accept()
		asked := p.upgrade()
		return p.conn, p.in, asked.fields
	}
	return b.url()
}

func (r *pressed) pools() string {
	l, err := accept.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = l.Close() })
	r.accept = func() (net.Conn, *bufio.Reader, http.Header) {
		conn, err := l.Accept()
		if err != nil {
			r.t.Fatal(err)
		}
		r.t.Cleanup(func() { _ = conn.Close() })
		session := conn.(*accept.Conn)
		if err := session.Respond(nil); err != nil {
			r.t.Fatal(err)
		}
		return conn, bufio.NewReader(conn), session.Request().Header
	}
	return "h2c://" + l.Addr().String()
}

// open lets a client in that offers compression. The backend must not hear of that.
func (r *pressed) open() (client, server *talk) {
	r.t.Helper()
	conn, p := r.dial()
	back, in, asked := r.accept()
	if offer, offered := asked["Sec-Websocket-Extensions"]; offered {
		r.t.Errorf("the backend is offered %q", offer)
	}
	if got := p.wantStatus(101).fields.Get("Sec-WebSocket-Extensions"); got != settled {
		r.t.Fatalf("the client is told %q, want %q", got, settled)
	}
	return &talk{r.t, conn, p.in, true}, &talk{r.t, back, in, false}
}

// talk is one end of a session that stands, on whatever connection.
type talk struct {
	t      testing.TB
	conn   net.Conn
	in     *bufio.Reader
	client bool // its frames are masked, those it gets may be compressed
}

func (k *talk) write(b ...[]byte) {
	k.t.Helper()
	_ = k.conn.SetWriteDeadline(time.Now().Add(4 * patience)) // some write MiB, for an end that first reads much else
	if _, err := k.conn.Write(bytes.Join(b, nil)); err != nil {
		k.t.Fatalf("writing: %v", err)
	}
}

func (k *talk) encode(f ws.Frame) []byte { return (&peer{client: k.client}).encode(f) }

func (k *talk) send(op ws.OpCode, payload string) {
	k.t.Helper()
	k.write(k.encode(ws.NewFrame(op, true, []byte(payload))))
}

// compressed is a message in one frame, or in fragments of so many bytes and one with the rest.
func (k *talk) compressed(op ws.OpCode, message string, fragments ...int) (frames [][]byte) {
	rest := deflated(message)
	for i, size := range append(fragments, len(rest)) {
		size = min(size, len(rest))
		f := ws.NewFrame(op, i == len(fragments), bytes.Clone(rest[:size]))
		f.Header.Rsv = ws.Rsv(i == 0, false, false)
		frames, op, rest = append(frames, k.encode(f)), ws.OpContinuation, rest[size:]
	}
	return frames
}

// pressed is a message whose payload is compressed already, in one frame.
func (k *talk) pressed(payload []byte) []byte {
	f := ws.NewBinaryFrame(bytes.Clone(payload))
	f.Header.Rsv = ws.Rsv(true, false, false)
	return k.encode(f)
}

// next reads a frame, and inflates it if it is compressed.
func (k *talk) next() (ws.Frame, error) {
	_ = k.conn.SetReadDeadline(time.Now().Add(patience))
	f, err := ws.ReadFrame(k.in)
	switch {
	case err != nil:
		return f, err
	case f.Header.Masked == k.client:
		return f, errors.New("a frame is masked in the wrong direction")
	case f.Header.Masked:
		f = ws.UnmaskFrameInPlace(f)
	}
	if f.Header.Rsv1() {
		if !k.client || !f.Header.Fin {
			return f, errors.New("RSV1 on a frame that is none of a whole message for a client")
		}
		f.Payload, err = inflated(f.Payload)
	}
	return f, err
}

// want reads the frame that has to come next, and tells whether it was compressed.
func (k *talk) want(op ws.OpCode, payload string) (compressed bool) {
	k.t.Helper()
	f, err := k.next()
	if err != nil || f.Header.OpCode != op || string(f.Payload) != payload || !f.Header.Fin {
		k.t.Fatalf("wanted opcode %d, %d bytes %.40q, got opcode %d, %d bytes %.40q, error %v",
			op, len(payload), payload, f.Header.OpCode, len(f.Payload), f.Payload, err)
	}
	return f.Header.Rsv1()
}

func (k *talk) wantClose(code ws.StatusCode) {
	k.t.Helper()
	f, err := k.next()
	got, _ := ws.ParseCloseFrameData(f.Payload)
	if err != nil || f.Header.OpCode != ws.OpClose || got != code {
		k.t.Fatalf("wanted close %d, got opcode %d %.40q, error %v", code, f.Header.OpCode, f.Payload, err)
	}
}

// wantEnd reads the end, be it orderly or not, with nothing before it.
func (k *talk) wantEnd() {
	k.t.Helper()
	if f, err := k.next(); err == nil {
		k.t.Fatalf("wanted the end, got opcode %d, %d bytes", f.Header.OpCode, len(f.Payload))
	} else if e, ok := err.(net.Error); ok && e.Timeout() {
		k.t.Fatal("the connection stayed open")
	}
}

const (
	deflateTail = "\x00\x00\xff\xff"                   // what a message goes without (RFC 7692 section 7.2.1)
	deflateEnd  = deflateTail + "\x01\x00\x00\xff\xff" // with a final block, for the library
)

// deflated is a message's payload as the standard library compresses it.
func deflated(message string) []byte {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, flate.BestCompression)
	_, _ = io.WriteString(w, message)
	_ = w.Flush()
	return bytes.TrimSuffix(out.Bytes(), []byte(deflateTail))
}

func inflated(payload []byte) ([]byte, error) {
	return io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(payload), strings.NewReader(deflateEnd))))
}

// bomb inflates to n MiB of one character; a thousandth of that is on the wire.
func bomb(n int, of byte) []byte {
	one := append(deflated(strings.Repeat(string([]byte{of}), 1<<20)), deflateTail...)
	return bytes.TrimSuffix(bytes.Repeat(one, n), []byte(deflateTail))
}

// records is n bytes of JSON such as is sent in practice, less what is cut of a character.
func records(n int) string {
	rng, out := rand.New(rand.NewPCG(1, uint64(n))), new(strings.Builder)
	for out.WriteByte('['); out.Len() < n; {
		fmt.Fprintf(out, `{"id":%d,"symbol":"S%d","price":%.2f,"side":"buy","grüße":true},`, out.Len(), rng.IntN(50), 100*rng.Float64())
	}
	return strings.ToValidUTF8(out.String()[:n], "")
}

// noise is n bytes that nothing makes shorter.
func noise(n int) string {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(b)
	return string(b)
}
