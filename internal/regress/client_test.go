//go:build linux

package regress

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"weir/bench/wire"
)

// messageSize is small, as messages mostly are: what counts then is the cost of a message, not of its bytes.
const messageSize = 125

var (
	text   = bytes.Repeat([]byte("größe"), messageSize/7+1)[:messageSize/7*7] // whole characters, to be validated
	sent   = masked(wire.Text, text)
	echoed = append(wire.AppendHeader(nil, wire.Header{Fin: true, Opcode: wire.Text, Length: int64(len(text))}), text...)
)

func masked(opcode byte, payload []byte) []byte {
	h := wire.Header{Fin: true, Opcode: opcode, Masked: true, Mask: [4]byte{1, 2, 3, 4}, Length: int64(len(payload))}
	b := append(wire.AppendHeader(nil, h), payload...)
	wire.Mask(b[len(b)-len(payload):], h.Mask, 0)
	return b
}

// client is one WebSocket through the gateway. Its deadlines are long set when it is used.
type client struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
	room []byte
}

// open upgrades a connection.
func (g *gateway) open() *client {
	g.t.Helper()
	conn, err := net.DialTimeout("tcp", g.addr, patience)
	if err != nil {
		g.t.Fatal(err)
	}
	if g.tls != nil {
		conn = tls.Client(conn, g.tls)
	}
	g.t.Cleanup(func() { _ = conn.Close() })
	c := &client{t: g.t, conn: conn, in: bufio.NewReaderSize(conn, 512), room: make([]byte, len(echoed))}
	const key = "dGhlIHNhbXBsZSBub25jZQ=="
	c.say(wire.AppendRequest(nil, "weir.test", "/", key))
	var head []byte
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			g.t.Fatalf("in an answer's head, behind %q: %v", head, err)
		}
		head = append(head, line...)
	}
	if err := wire.CheckAnswer(head, wire.Accept([]byte(key))); err != nil {
		g.t.Fatal(err)
	}
	return c
}

func (c *client) say(b []byte) {
	c.t.Helper()
	_ = c.conn.SetDeadline(time.Now().Add(patience))
	if _, err := c.conn.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// receive reads n bytes, which the next call overwrites.
func (c *client) receive(n int) []byte {
	c.t.Helper()
	if _, err := io.ReadFull(c.in, c.room[:n]); err != nil {
		c.t.Fatal(err)
	}
	return c.room[:n]
}

// hear reads an echo.
func (c *client) hear() {
	c.t.Helper()
	if got := c.receive(len(echoed)); !bytes.Equal(got, echoed) {
		c.t.Fatalf("got %q", got)
	}
}

// crowd are clients that do the same, one after the other.
type crowd []*client

func (g *gateway) crowd(n int) (all crowd) {
	g.t.Helper()
	for range n {
		all = append(all, g.open())
	}
	return all
}

func (all crowd) say() {
	for _, c := range all {
		c.say(sent)
	}
}

func (all crowd) hear() {
	for _, c := range all {
		c.hear()
	}
}

// bye ends each session with a close frame, and waits until the gateway has closed the connection.
func (all crowd) bye() {
	for _, c := range all {
		c.say(masked(wire.Close, nil))
		if got := c.receive(2); !bytes.Equal(got, []byte{0x88, 0}) {
			c.t.Fatalf("got %q", got)
		}
		if _, err := c.in.ReadByte(); err != io.EOF {
			c.t.Fatalf("behind the close frame: %v", err)
		}
		_ = c.conn.Close()
	}
}
