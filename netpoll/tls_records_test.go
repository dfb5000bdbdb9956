package netpoll_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/netpoll"
)

// log writes down what a handler hears; read it on the loop or behind a barrier.
type log struct {
	heard  []string
	text   bytes.Buffer
	closed chan error
}

func newLog() *log { return &log{closed: make(chan error, 4)} }

func (g *log) hooks() *hooks {
	return &hooks{
		data:   func(_ *netpoll.Conn, b []byte) { g.heard = append(g.heard, "data"); g.text.Write(b) },
		eof:    func(*netpoll.Conn) { g.heard = append(g.heard, "eof"); g.closed <- io.EOF },
		closed: func(_ *netpoll.Conn, err error) { g.heard = append(g.heard, "close"); g.closed <- err },
	}
}

// Whatever the records are like, the text is the same, and so is its end.
func TestTLSRecords(t *testing.T) {
	big := []byte(strings.Repeat("0123456789abcdef", 1<<10))
	versions(t, func(t *testing.T, version uint16) {
		for name, tt := range map[string]struct {
			send func(c *crafter)
			want string
			err  error // io.EOF, nil for a clean end; any other failure is an *alert* of ours
		}{
			"text and good-bye in one read": {func(c *crafter) {
				c.send(c.record(typeData, []byte("hello")), c.record(typeAlert, farewell))
			}, "hello", io.EOF},
			"good-bye without an end of TCP, and noise behind it": {func(c *crafter) {
				c.send(c.record(typeData, []byte("hello")), c.record(typeAlert, farewell), []byte("noise"))
				c.send([]byte("more noise"))
			}, "hello", io.EOF},
			"an end of TCP without good-bye": {func(c *crafter) {
				c.send(c.record(typeData, []byte("hello")))
				_ = c.CloseWrite()
			}, "hello", io.EOF},
			"an end of TCP inside a record": {func(c *crafter) {
				hello, lost := c.record(typeData, []byte("hello")), c.record(typeData, []byte(" lost"))
				c.send(hello, lost[:len(lost)-3])
				_ = c.CloseWrite()
			}, "hello", io.EOF},
			"records of one byte": {func(c *crafter) {
				for _, b := range big[:2000] {
					c.send(c.record(typeData, []byte{b}))
				}
				c.send(c.record(typeAlert, farewell))
			}, string(big[:2000]), io.EOF},
			"the largest records, cut anywhere": {func(c *crafter) {
				for at := 1; at < len(big); at += 1999 {
					r := c.record(typeData, big)
					c.send(r[:at])
					c.send(r[at:])
				}
				c.send(c.record(typeAlert, farewell))
			}, strings.Repeat(string(big), 9), io.EOF},
			"empty records": {func(c *crafter) {
				for range 5 {
					c.send(c.record(typeData, nothing), c.record(typeData, nothing), c.record(typeData, []byte("x")))
				}
				c.send(c.record(typeAlert, farewell))
			}, "xxxxx", io.EOF},
			"too many empty records": {func(c *crafter) {
				c.send(c.record(typeData, []byte("hello")))
				var empty [][]byte
				for range 20 {
					empty = append(empty, c.record(typeData, nothing))
				}
				c.send(empty...) // at once: the connection may be gone after some of them
			}, "hello", nil},
			"a record that was tampered with": {func(c *crafter) {
				hello, bad := c.record(typeData, []byte("hello")), c.record(typeData, []byte("bad"))
				bad[len(bad)-1] ^= 1
				c.send(hello, bad, c.record(typeData, []byte("unheard")))
			}, "hello", nil},
			"a record too long": {func(c *crafter) {
				c.send(c.record(typeData, []byte("hello")), []byte{typeData, 3, 3, 0xff, 0xff})
			}, "hello", nil},
			"handshake fragments that end in nothing": {func(c *crafter) {
				c.send(c.record(typeHandshake, []byte{99}), c.record(typeHandshake, []byte{0, 0}), c.record(typeHandshake, []byte{0}))
			}, "", nil},
			"a handshake message too long": {func(c *crafter) {
				c.send(c.record(typeHandshake, []byte{24, 0xff, 0xff, 0xff}))
			}, "", nil},
		} {
			t.Run(name, func(t *testing.T) {
				l := start(t, netpoll.Options{ReadBuffer: 4 << 10})
				conf, client := security(t)
				g := newLog()
				c := craft(t, secured(t, l, conf, func() netpoll.Handler { return g.hooks() }), client, version)
				tt.send(c)
				if err := await(t, g.closed); tt.err != nil && !errors.Is(err, tt.err) || tt.err == nil && errors.Is(err, io.EOF) {
					t.Errorf("it ended with %v", err)
				}
				do(t, l, func() {
					if got := g.text.String(); got != tt.want {
						t.Errorf("%d bytes heard, want %d", len(got), len(tt.want))
					}
				})
				silent(t, g.closed, "a second end")
			})
		}
	})
}

// The peer may change its keys, and ask that we do, as often as it says something in between.
func TestTLSKeyUpdate(t *testing.T) {
	l := start(t, netpoll.Options{Socket: netpoll.SocketOptions{NoDelay: true}})
	conf, client := security(t)
	addr := secured(t, l, conf, func() netpoll.Handler {
		return &hooks{data: func(c *netpoll.Conn, b []byte) { c.Write(b) }}
	})
	c := craft(t, addr, client, tls.VersionTLS13)
	for i := range 100 {
		update := c.record(typeHandshake, keyUpdate)
		c.update()
		c.send(update[:i%len(update)])
		c.send(update[i%len(update):], c.record(typeData, []byte("hello")))
		got := make([]byte, 5)
		if _, err := io.ReadFull(c.tls, got); err != nil || string(got) != "hello" {
			t.Fatalf("%q, %v", got, err)
		}
	}
}

// A peer that asks for new keys for ever and reads none of our answers is cut, and so is one that only asks.
func TestTLSKeyUpdateFlood(t *testing.T) {
	for name, text := range map[string]string{"with text between": "x", "and nothing else": ""} {
		t.Run(name, func(t *testing.T) {
			l := start(t, netpoll.Options{Socket: netpoll.SocketOptions{NoDelay: true}})
			conf, client := security(t)
			g := newLog()
			most := 0
			h := g.hooks()
			stands, connected := signal()
			h.connect = stands
			h.data = func(c *netpoll.Conn, _ []byte) { most = max(most, c.Buffered()) }
			c := craft(t, secured(t, l, conf, func() netpoll.Handler { return h }), client, tls.VersionTLS13)
			server := await(t, connected)
			full := 0
			do(t, l, func() { server.Write(make([]byte, 16<<20)); full = server.Buffered() }) // nothing more can be sent
			_ = c.SetWriteDeadline(time.Now().Add(patience))
			for range 60_000 {
				update := c.record(typeHandshake, keyUpdate)
				c.update()
				if text != "" {
					update = append(update, c.record(typeData, []byte(text))...)
				}
				if _, err := c.TCPConn.Write(update); err != nil {
					break
				}
			}
			err := await(t, g.closed)
			if text != "" && !errors.Is(err, unix.ENOBUFS) {
				t.Errorf("it was ended by %v", err)
			}
			do(t, l, func() {
				if most > full+16<<10 {
					t.Errorf("%d bytes were queued for a peer that does not read", most-full)
				}
			})
		})
	}
}

// TLS 1.2 can begin another handshake at any time. Not with us.
func TestTLSNoRenegotiation(t *testing.T) {
	l := start(t, netpoll.Options{})
	conf, client := security(t)
	g := newLog()
	c := craft(t, secured(t, l, conf, func() netpoll.Handler { return g.hooks() }), client, tls.VersionTLS12)
	c.send(c.record(typeData, []byte("hello")), c.record(typeHandshake, clientHi12))
	if err := await(t, g.closed); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("ended by %v", err)
	}
	if _, err := io.ReadAll(c.tls); err == nil || !strings.Contains(err.Error(), "remote error") {
		t.Errorf("the client was told %v", err)
	}
	do(t, l, func() {
		if g.text.String() != "hello" {
			t.Errorf("%q", g.text.String())
		}
	})
}

// A failure may leave text in the buffer that the loop has lent. A connection detached at this moment must not read
// from there what comes for others.
func TestTLSFailedBufferIsNotShared(t *testing.T) {
	l := start(t, netpoll.Options{})
	conf, client := security(t)
	away := make(chan net.Conn, 1)
	echo := true
	addr := secured(t, l, conf, func() netpoll.Handler {
		if echo {
			echo = false
			return &hooks{data: func(c *netpoll.Conn, b []byte) { c.Write(b) }}
		}
		return &hooks{data: func(c *netpoll.Conn, b []byte) { away <- c.Detach(b) }}
	})
	other := tls.Client(dial(t, addr), client)
	if err := other.Handshake(); err != nil {
		t.Fatal(err)
	}
	c := craft(t, addr, client, tls.VersionTLS12)
	c.send(c.record(typeData, []byte("first ")), c.record(typeHandshake, []byte{0}),
		c.record(typeData, bytes.Repeat([]byte("mine "), 100)))
	conn := await(t, away)
	secret := bytes.Repeat([]byte("SECRET "), 200)
	if _, err := other.Write(secret); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(other, make([]byte, len(secret))); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err == nil || bytes.Contains(got, []byte("SECRET")) || !bytes.HasPrefix(got, []byte("first ")) ||
		strings.Trim(string(got[6:]), "mine ") != "" {
		t.Errorf("%q was read, and then %v", got, err)
	}
	_ = conn.Close()
}
