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

	// the goroutine that reads
	ready []byte // passes next
	err   error  // and then

	mu   sync.Mutex
	head *answerHead // under mu: whose head is still to come; nil: nobody's
}

// An answerHead is what net/http does not tell of an answer's head. It belongs to the connection until the answer is there.
type answerHead struct {
	bytes    []byte // of a head that is not whole
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

// Read gives what has come, a head once it is whole.
func (c *endpointConn) Read(b []byte) (n int, err error) {
	for len(c.ready) == 0 && c.err == nil {
		n, err = c.Conn.Read(b)
		if pass, changed := c.pass(b[:n], err != nil); changed {
			c.ready, c.err = pass, err
		} else {
			return n, err
		}
	}
	if n = copy(b, c.ready); n > 0 {
		c.ready = c.ready[n:]
		return n, nil
	}
	err, c.err = c.err, nil
	return 0, err
}

// pass tells what net/http gets of b, and of what was kept before; changed is false if that is b.
func (c *endpointConn) pass(b []byte, last bool) (pass []byte, changed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.head
	if h == nil || len(b) == 0 && len(h.bytes) == 0 {
		return b, false
	}
	pass, done := h.read(b, c.limits)
	if done {
		c.head = nil
	} else if last {
		pass, h.bytes = append(pass, h.bytes...), nil
	}
	return pass, true
}

// read takes b, and gives what passes. It tells whether no more is wanted: the head is there, or is none that we
// understand, which net/http may.
func (h *answerHead) read(b []byte, lim http1.Limits) (pass []byte, done bool) {
	h.bytes = append(h.bytes, b...)
	for passed := 0; ; {
		n, fault := h.parsed.Parse(h.bytes[passed:], lim)
		interim := n > 0 && h.parsed.Status < 200 && h.parsed.Status != 101
		switch {
		case fault == nil && n == 0:
			pass, h.bytes = h.bytes[:passed:passed], h.bytes[passed:]
			return pass, false
		case fault == nil && interim:
			passed += n
			h.parsed.Reset()
			continue
		case fault == nil:
			h.parsed.OneLength()
			h.spelling = h.parsed.Spelling()
			h.line = &statusLine{h.parsed.Status, string(h.parsed.Reason)}
		}
		pass, h.bytes, h.parsed = h.bytes, nil, http1.Response{}
		return pass, true
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
