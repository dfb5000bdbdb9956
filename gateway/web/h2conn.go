package web

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"sync"
)

// An h2Conn is a client's HTTP/2 connection as net/http sees it. PING and SETTINGS ask for an answer each (RFC 9113
// sections 6.5 and 6.7), and net/http keeps up to 10,000 of them for a client that does not take them. So a client to whom
// mostOwed are owed is not read until some have gone. And net/http goes on in HTTP/1.1 where something else than HTTP/2's
// preface comes: what was negotiated would not be what is spoken, and nothing here would have looked at the request. So that
// is the end of the connection (RFC 9113 section 3.4).
type h2Conn struct {
	net.Conn // immutable

	// of the one goroutine that reads, and the one that writes
	greeted int // bytes of the preface that have come
	in, out frames

	// any goroutine
	mu      sync.Mutex
	changed sync.Cond
	owed    int // answers
	closed  bool
}

const (
	mostOwed = 128
	preface  = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
)

func newH2Conn(conn net.Conn) *h2Conn {
	c := &h2Conn{Conn: conn, in: frames{skip: len(preface)}}
	c.changed.L = &c.mu
	return c
}

func (c *h2Conn) Read(b []byte) (int, error) {
	c.mu.Lock()
	for c.owed >= mostOwed && !c.closed {
		c.changed.Wait()
	}
	c.mu.Unlock()
	n, err := c.Conn.Read(b)
	if !c.greets(b[:n]) {
		_ = c.Close() // or net/http would say that it is no request
		return 0, io.EOF
	}
	if asks, _ := c.in.walk(b[:n]); asks > 0 {
		c.owe(asks)
	}
	return n, err
}

// greets tells whether what comes may be the preface, or is behind it.
func (c *h2Conn) greets(b []byte) bool {
	n := min(len(b), len(preface)-c.greeted)
	ok := string(b[:n]) == preface[c.greeted:c.greeted+n]
	c.greeted += n
	return ok
}

func (c *h2Conn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if _, answers := c.out.walk(b[:n]); answers > 0 {
		c.owe(-answers)
	}
	return n, err
}

func (c *h2Conn) owe(answers int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owed = max(c.owed+answers, 0) // SETTINGS may be answered together
	c.changed.Signal()
}

func (c *h2Conn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.changed.Signal()
	c.mu.Unlock()
	return c.Conn.Close()
}

// frames finds frame headers in one direction.
type frames struct {
	skip int // bytes to the next one
	have int // bytes of it
	head [9]byte
}

// walk counts the frames that ask for an answer, and those that are one.
func (f *frames) walk(b []byte) (asks, answers int) {
	for len(b) > 0 {
		if f.skip > 0 {
			n := min(f.skip, len(b))
			f.skip, b = f.skip-n, b[n:]
			continue
		}
		n := copy(f.head[f.have:], b)
		f.have, b = f.have+n, b[n:]
		if f.have < len(f.head) {
			break
		}
		const settings, ping, ack = 4, 6, 1
		f.have, f.skip = 0, int(binary.BigEndian.Uint32(f.head[:])>>8)
		switch kind := f.head[3]; {
		case kind != settings && kind != ping:
		case f.head[4]&ack == 0:
			asks++
		default:
			answers++
		}
	}
	return asks, answers
}

// ConnectionState keeps net/http from looking for HTTP/2 on a connection that has HTTP/1.1. Nobody asks for what it says.
func (c *plainConn) ConnectionState() (none tls.ConnectionState) { return none }
