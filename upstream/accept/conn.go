package accept

import (
	"io"
	"net"
	"sync"
	"time"

	"github.com/valyala/bytebufferpool"

	"weir/codec/h2"
)

// Conn is one session: a net.Conn that carries what a client sends and gets behind its WebSocket handshake.
type Conn struct {
	// Immutable.
	carrier *carrier
	id      uint32
	request Request

	writing sync.Mutex // held during a Write

	// Guarded by the carrier's mu.
	in            *bytebufferpool.ByteBuffer // what was not read yet; nil when there is nothing
	at            int                        // in[:at] was read
	ours          h2.Window                  // what the peer may still send
	uncredited    int                        // read, and not credited to ours yet
	theirs        h2.Window                  // what we may
	readable      sync.Cond
	writable      sync.Cond
	readDeadline  deadline
	writeDeadline deadline
	err           error // io.EOF at the peer's END_STREAM, else why the stream broke
	answered      bool
	localEnded    bool
	remoteEnded   bool
	closed        bool // by the application
	cut           *time.Timer
}

func newConn(ca *carrier, id uint32, head *h2.Head) *Conn {
	c := &Conn{carrier: ca, id: id, request: newRequest(head), ours: h2.NewWindow(uint32(ca.listener.options.Window)),
		theirs: h2.NewWindow(ca.initial)}
	c.readable.L, c.writable.L = &ca.mu, &ca.mu
	ca.streams[id] = c
	ca.held++
	return c
}

// Read gives what has come. An unanswered handshake is accepted. At the peer's orderly end the error is io.EOF.
func (c *Conn) Read(b []byte) (int, error) {
	c.carrier.mu.Lock()
	c.respond()
	c.carrier.mu.Unlock()
	return c.read(b)
}

func (c *Conn) read(b []byte) (int, error) {
	c.carrier.mu.Lock()
	defer c.carrier.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, net.ErrClosed
		case c.readDeadline.passed():
			return 0, errDeadline
		case c.in != nil:
			n := copy(b, c.in.B[c.at:])
			if c.at += n; c.at == len(c.in.B) {
				c.release()
			}
			c.credit(n)
			return n, nil
		case c.err != nil:
			return 0, c.err
		case len(b) == 0:
			return 0, nil
		}
		c.readable.Wait()
	}
}

// take keeps what came in for Read, which is never more than the window. Padding is credited as if it had been read.
func (c *Conn) take(b []byte, padding int) {
	if c.closed {
		return // and not credited: the peer is to end
	}
	if len(b) > 0 {
		if c.in == nil {
			c.in = bytebufferpool.Get()
		} else if c.at >= len(c.in.B)/2 {
			c.in.B = c.in.B[:copy(c.in.B, c.in.B[c.at:])]
			c.at = 0
		}
		c.in.B = append(c.in.B, b...)
		c.readable.Signal()
	}
	c.credit(padding)
}

// credit widens the peer's window once half of it was read.
func (c *Conn) credit(n int) {
	c.uncredited += n
	if c.uncredited < c.carrier.listener.options.Window/2 || c.err != nil {
		return
	}
	c.carrier.append(h2.AppendWindowUpdate(c.carrier.out, c.id, uint32(c.uncredited)))
	_ = c.ours.Credit(uint32(c.uncredited)) // never above what it was at first
	c.uncredited = 0
}

// release gives the receive buffer back: a session that waits owns none.
func (c *Conn) release() {
	if c.in != nil {
		bytebufferpool.Put(c.in)
		c.in, c.at = nil, 0
	}
}

func (c *Conn) remoteEnd() {
	c.remoteEnded = true
	if c.err == nil {
		c.err = io.EOF
	}
	c.readable.Broadcast()
	if c.localEnded {
		c.forget()
	}
}

// CloseWrite ends the direction to the client (END_STREAM) and leaves the other one open.
func (c *Conn) CloseWrite() error {
	c.carrier.mu.Lock()
	defer c.carrier.mu.Unlock()
	if c.closed || c.localEnded {
		return net.ErrClosed
	}
	c.respond()
	c.localEnd()
	return nil
}

func (c *Conn) localEnd() {
	if c.localEnded {
		return
	}
	c.localEnded = true
	c.carrier.append(h2.AppendDataHeader(c.carrier.out, c.id, 0, true))
	c.writable.Broadcast()
	if c.remoteEnded {
		c.forget()
	}
}

// Close ends the session in order, behind what was written. A handshake that was not answered is not accepted. The
// other side has some seconds to end its direction; what it sends meanwhile is thrown away.
func (c *Conn) Close() error {
	ca := c.carrier
	ca.mu.Lock()
	defer ca.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.closed = true
	c.release()
	c.readDeadline.stop()
	c.writeDeadline.stop()
	c.readable.Broadcast()
	switch {
	case ca.streams[c.id] != c:
		ca.held--
	case !c.answered:
		c.abort(h2.InternalError)
	default:
		if c.localEnd(); ca.streams[c.id] == c {
			c.cut = time.AfterFunc(linger, func() { c.cutOff(h2.Cancel) })
		}
	}
	return nil
}

// cutOff resets a stream that has not ended yet.
func (c *Conn) cutOff(code h2.ErrorCode) {
	c.carrier.mu.Lock()
	defer c.carrier.mu.Unlock()
	if c.carrier.streams[c.id] == c {
		c.abort(code)
	}
}

// abort resets the stream from our side.
func (c *Conn) abort(code h2.ErrorCode) {
	c.carrier.reset(c.id, code)
	c.fail(ErrReset)
}

// violated resets a stream on which the peer broke the protocol.
func (c *Conn) violated(err *h2.Error) {
	c.carrier.reset(c.id, err.Code)
	c.fail(err)
}

// fail is the end of a stream that broke. What was received before can still be read.
func (c *Conn) fail(err error) {
	if c.err == nil || c.err == io.EOF {
		c.err = err
	}
	c.localEnded, c.remoteEnded = true, true
	c.readable.Broadcast()
	c.writable.Broadcast()
	if !c.carrier.hasRoom() {
		c.carrier.room.Broadcast() // it may be among those who wait there
	}
	c.forget()
}

// forget takes a stream that has ended both ways off the connection.
func (c *Conn) forget() {
	ca := c.carrier
	if ca.streams[c.id] != c {
		return
	}
	delete(ca.streams, c.id)
	if c.cut != nil {
		c.cut.Stop()
	}
	if c.closed {
		ca.held--
	}
	ca.emptied()
}

// gone tells a session that broke before anybody took it.
func (c *Conn) gone() bool {
	c.carrier.mu.Lock()
	defer c.carrier.mu.Unlock()
	return c.err != nil && c.err != io.EOF
}

// LocalAddr is the connection's, which the session shares with others.
func (c *Conn) LocalAddr() net.Addr { return c.carrier.conn.LocalAddr() }

// RemoteAddr is the gateway's; the client's is in the request's X-Forwarded-For.
func (c *Conn) RemoteAddr() net.Addr { return c.carrier.conn.RemoteAddr() }
