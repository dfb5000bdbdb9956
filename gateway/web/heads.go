package web

import (
	"bytes"
	"net"
	"strconv"
	"sync"
	"time"

	"weir/codec/http1"
)

// What net/http changes of heads in HTTP/1.1 without need, the case of names and the phrase behind a status, is kept from
// it: an endpoint's answers are read beside net/http, and what it writes for the client is mended.

// An endpointConn is a connection to an endpoint, over HTTP/1.1.
type endpointConn struct {
	net.Conn
	limits http1.Limits

	mu   sync.Mutex
	head *answerHead // under mu: whose head is still to come; nil: nobody's
}

// An answerHead is what net/http does not tell of an answer's head. It belongs to the connection until the answer is there.
type answerHead struct {
	bytes    []byte
	parsed   http1.Response
	spelling http1.Spelling
	line     *statusLine
}

// A statusLine is the one that an endpoint wrote.
type statusLine struct {
	status int
	phrase string
}

// begin says that a request goes out now. Nothing that came before belongs to its answer.
func (c *endpointConn) begin() *answerHead {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.head = new(answerHead)
	return c.head
}

func (c *endpointConn) Read(b []byte) (n int, err error) {
	n, err = c.Conn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := c.head; h != nil && n > 0 && h.read(b[:n], c.limits) {
		c.head = nil
	}
	return n, err
}

// read tells whether no more is wanted: the head is there, or is none that we understand, which net/http may.
func (h *answerHead) read(b []byte, lim http1.Limits) (done bool) {
	h.bytes = append(h.bytes, b...)
	for {
		n, fault := h.parsed.Parse(h.bytes, lim)
		interim := n > 0 && h.parsed.Status < 200 && h.parsed.Status != 101
		switch {
		case fault == nil && n == 0:
			return false
		case fault == nil && interim:
			h.bytes = h.bytes[n:]
			h.parsed.Reset()
			continue
		case fault == nil:
			h.spelling = h.parsed.Spelling()
			h.line = &statusLine{h.parsed.Status, string(h.parsed.Reason)}
		}
		h.bytes, h.parsed = nil, http1.Response{}
		return true
	}
}

// Write writes a status line that is due with the endpoint's phrase. net/http writes each with the first bytes of a Write.
func (c *plainConn) Write(b []byte) (n int, err error) {
	c.wrote.Store(time.Now().UnixNano())
	if line := c.line.Load(); line != nil {
		if out := line.over(b); out != nil {
			c.line.Store(nil)
			n, err = c.Conn.Write(out)
			if err == nil {
				return len(b), nil
			}
			return min(n, len(b)), err
		}
	}
	return c.Conn.Write(b)
}

// over puts the line in the place of that of b; nil: b begins with none of this status.
func (l *statusLine) over(b []byte) []byte {
	const fixed = len("HTTP/1.1 200 ")
	end := bytes.IndexByte(b, '\r')
	if end < fixed || string(b[:7]) != "HTTP/1." || string(b[fixed-4:fixed-1]) != strconv.Itoa(l.status) {
		return nil
	}
	out := make([]byte, 0, len(b)+len(l.phrase))
	return append(append(append(out, b[:fixed]...), l.phrase...), b[end:]...)
}
