package web

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"weir/codec/http1"
)

// A plainConn is a client's HTTP/1.1 connection as net/http sees it. A head passes once http1.Request.Parse has taken
// it, and behind it the bytes that its framing makes the body. So what net/http reads in its own, milder way begins
// and ends where we say.
type plainConn struct {
	// immutable
	net.Conn
	limits    http1.Limits
	headTime  time.Duration             // for a head, from its first byte; 0: no limit
	other     func(*http1.Request) bool // see Options; nil: never
	halfClose bool                      // that the client ends its direction does not end a request that is whole

	// the goroutine that reads, of which net/http has one at a time
	body  body   // of the head that has passed
	held  *held  // what was read too far; nil: nothing
	ready []byte // passes next
	err   error  // all that comes behind
	// and in the end: why a head does not pass, or that of a WebSocket handshake
	why   *http1.Refusal
	asked int // bytes of the handshake's head, which begins what is held

	// any goroutine
	mu       sync.Mutex
	deadline time.Time                  // as net/http sets it
	inHead   bool                       // one has begun and is not whole
	spelled  []http1.Spelling           // of the heads that have passed and whose handlers have not begun: two at most
	line     atomic.Pointer[statusLine] // to be written as the backend did; nil: as net/http does
	wrote    atomic.Int64               // when the last byte was, by time.UnixNano
}

// held is the room for a head under way and for what came with it, up to Limits.Head bytes.
type held struct {
	bytes   []byte // less those of taken
	taken   int
	request http1.Request
}

var spareHeld = sync.Pool{New: func() any { return new(held) }}

// diverted is a request that net/http takes and Parse does not, so no client can send it. It stands for one that
// net/http is not to see. The body without an end keeps net/http from reading behind it, and has it wait for the
// client to read the answer.
var diverted = []byte("GET " + divertedTarget + " HTTP/1.1\r\nHost: x\r\nContent-Length: 9223372036854775807\r\n\r\n")

const divertedTarget = "*"

var errChunks = errors.New("web: the chunks of a request's body are malformed (RFC 9112 section 7.1)")

// Read gives what may pass. Where its deadline ends a Read inside a head, the next one goes on with that.
func (c *plainConn) Read(p []byte) (n int, err error) {
	for len(p) > 0 {
		switch {
		case len(c.ready) > 0:
			n = copy(p, c.ready)
			c.ready = c.ready[n:]
			return n, nil
		case c.err != nil:
			return 0, c.err
		case c.held != nil:
			err = c.look()
		default:
			n, err = c.straight(p)
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, nil
}

// straight reads a body to where it is wanted. What is behind its end is held.
func (c *plainConn) straight(p []byte) (n int, err error) {
	most := max(c.body.left, uint64(c.limits.Head), 1) // which bounds what is held
	n, err = c.Conn.Read(p[:min(uint64(len(p)), most)])
	if n == 0 {
		if err == io.EOF && c.halfClose && c.body.over() {
			err = c.awaitAnswer()
		}
		return 0, err
	}
	passed, fault := c.body.scan(p[:n]) // an error that came with them comes again
	if c.err = fault; fault == nil && passed < n {
		c.held = spareHeld.Get().(*held)
		c.held.bytes = append(c.held.bytes, p[passed:n]...)
	}
	return passed, nil
}

// look finds what may pass of what is held, or reads more of a head.
func (c *plainConn) look() error {
	h := c.held
	b := h.bytes[h.taken:]
	switch {
	case len(b) == 0:
		c.release()
		return nil
	case !c.body.over():
		n, fault := c.body.scan(b)
		c.pass(n)
		c.err = fault
		return nil
	}
	n, why := h.request.Parse(b, c.limits)
	switch {
	case why != nil:
		c.why = why
		c.release()
		c.divert()
	case n == 0:
		return c.more()
	case h.request.AsksUpgrade() || c.other != nil && c.other(&h.request):
		c.asked = n
		c.divert()
	default:
		c.body.begin(h.request.Body)
		c.headEnds(h.request.Spelling())
		c.pass(n)
		if h.request.Unusual() {
			c.ready = h.request.AppendHead(nil)
		}
		h.request.Reset()
	}
	return nil
}

func (c *plainConn) pass(n int) {
	h := c.held
	c.ready = h.bytes[h.taken : h.taken+n]
	h.taken += n
}

func (c *plainConn) release() {
	h := c.held
	c.held = nil
	h.bytes, h.taken = h.bytes[:0], 0
	h.request.Reset()
	spareHeld.Put(h)
}

// more reads on in a head. Parse refuses one before there is no room left.
func (c *plainConn) more() error {
	const least = 512
	if err := c.headBegins(); err != nil {
		return err
	}
	h := c.held
	h.bytes = append(h.bytes[:0], h.bytes[h.taken:]...)
	h.taken = 0
	h.bytes = slices.Grow(h.bytes, least)
	at := len(h.bytes)
	n, err := c.Conn.Read(h.bytes[at:min(cap(h.bytes), c.limits.Head)])
	h.bytes = h.bytes[:at+n]
	if n > 0 {
		return nil
	}
	return err
}

// divert ends what net/http gets of the connection.
func (c *plainConn) divert() {
	c.ready, c.err = diverted, io.EOF
}

// handshake gives what is held in the end: a WebSocket handshake's head, and what came behind it.
func (c *plainConn) handshake() (head, early []byte) {
	b := c.held.bytes[c.held.taken:]
	head, early = bytes.Clone(b[:c.asked]), bytes.Clone(b[c.asked:])
	c.release()
	return head, early
}

func (c *plainConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
