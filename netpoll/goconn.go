package netpoll

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// goConn is a connection of the loop as goroutines see it: a net.Conn whose calls wait. The loop goes on reading and
// writing the socket; bytes are copied on their way to and from the goroutine, which is for handshakes and plain
// HTTP, not for messages.
type goConn struct {
	// Immutable.
	loop *Loop
	from netip.Addr // of the peer of a handshake

	// Owned by the loop.
	conn   *Conn
	own    Conn // is conn after Detach
	linger Timer
	unsent int // when linger was set

	writing sync.Mutex // one Write at a time, as their pieces must not mix

	// Under mu.
	mu      sync.Mutex
	changed sync.Cond // in came, out went, a deadline passed, or an end
	in      []byte    // came and was not read yet
	out     []byte    // written and not given to the loop yet
	sending int       // given to the loop, and not taken by the kernel when that was last looked at
	wrote   uint64    // by the goroutine, ever
	charged int       // to all connections' budget
	posted  bool      // the loop is to look at out and in
	full    bool      // the connection has enough queued: out must wait
	held    bool      // the socket is not read since in is full
	ended   bool      // the peer sends no more
	finWant bool      // CloseWrite was called
	closed  bool      // Close was called
	err     error     // the connection failed
	readBy  deadline
	writeBy deadline
}

// What is kept for a goroutine each way before its peer, or the goroutine, has to wait. A read of the loop's may bring
// more at once.
const (
	goConnRoom    = 64 << 10 // what the goroutine wrote
	unreadRoom    = 16 << 10 // what it did not read
	handshakeRoom = maxPlain // likewise, in a handshake
)

// All connections together have a budget. Beyond it each may have littleRoom, so that all go on.
const (
	goConnsBudget = 64 << 20
	littleRoom    = 8 << 10
)

var goConnsHeld atomic.Int64

func (g *goConn) room() int {
	if g.conn == &g.own {
		return unreadRoom
	}
	return handshakeRoom
}

// writeRoom is how much may be written now.
func (g *goConn) writeRoom() int {
	most := goConnRoom
	if goConnsHeld.Load() > goConnsBudget {
		most = littleRoom
	}
	return most - len(g.out) - g.sending
}

// charge tells the budget what is held. Handshakes are bounded elsewhere.
func (g *goConn) charge() {
	if g.conn != &g.own {
		return
	}
	held := len(g.in) + len(g.out) + g.sending
	goConnsHeld.Add(int64(held - g.charged))
	g.charged = held
}

// drop lets go of all bytes.
func (g *goConn) drop() {
	g.in, g.out, g.sending = nil, nil, 0
	g.charge()
}

func newGoConn(l *Loop, c *Conn) *goConn {
	g := &goConn{loop: l, conn: c}
	g.changed.L = &g.mu
	return g
}

// Read is net.Conn's.
func (g *goConn) Read(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for {
		switch {
		case g.closed:
			return 0, net.ErrClosed
		case g.readBy.over:
			return 0, os.ErrDeadlineExceeded
		case len(g.in) > 0:
			n := copy(b, g.in)
			if g.in = g.in[n:]; len(g.in) == 0 {
				g.in = nil
			}
			g.charge()
			g.askOn()
			return n, nil
		case g.ended:
			return 0, io.EOF
		case g.err != nil:
			return 0, g.err
		case len(b) == 0:
			return 0, nil
		}
		g.askOn()
		g.changed.Wait()
	}
}

// askOn has the loop read the socket again once most of what came has been read.
func (g *goConn) askOn() {
	if g.held && len(g.in) < g.room()/2 {
		g.post()
	}
}

func (g *goConn) awaitGone() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for {
		switch {
		case g.closed:
			return net.ErrClosed
		case g.readBy.over:
			return os.ErrDeadlineExceeded
		case g.err != nil:
			return g.err
		}
		g.changed.Wait()
	}
}

func (g *goConn) delivered() (bytes uint64, waiting, ok bool) {
	_ = g.loop.Do(func() {
		if ok = g.own.Open(); !ok {
			return
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		left := len(g.out) + g.own.Buffered() + g.loop.sys.unacked(int(g.own.fd))
		bytes, waiting = g.wrote-min(uint64(left), g.wrote), left > 0
	})
	return bytes, waiting, ok
}

// Write is net.Conn's. It waits while the connection has enough to send.
func (g *goConn) Write(b []byte) (n int, err error) {
	g.writing.Lock()
	defer g.writing.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	for {
		switch {
		case g.closed || g.finWant:
			return n, net.ErrClosed
		case g.err != nil:
			return n, g.err
		case g.writeBy.over:
			return n, os.ErrDeadlineExceeded
		case len(b) == 0:
			return n, nil
		}
		if room := g.writeRoom(); room > 0 {
			m := min(room, len(b))
			g.out = append(g.out, b[:m]...)
			b, n = b[m:], n+m
			g.wrote += uint64(m)
			g.charge()
			if !g.full {
				g.post()
			}
			continue
		}
		g.changed.Wait()
	}
}

// CloseWrite ends our direction behind what was written.
func (g *goConn) CloseWrite() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.finWant = true
	g.post()
	return nil
}

// Close is net.Conn's: what was written still goes out, if the peer takes it within a few seconds.
func (g *goConn) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.closed = true
		g.readBy.stop()
		g.writeBy.stop()
		g.changed.Broadcast()
		g.post()
	}
	return nil
}

// post has the loop look after the connection.
func (g *goConn) post() {
	if !g.posted {
		g.posted = true
		_ = g.loop.Post(g.tend) // a stopped loop has closed the connection
	}
}

// deadline is a moment at which waiting calls give up.
type deadline struct {
	timer *time.Timer
	over  bool
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

func (g *goConn) set(d *deadline, t time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return net.ErrClosed
	}
	d.stop()
	wait := time.Until(t)
	if d.over = !t.IsZero() && wait <= 0; d.over {
		g.changed.Broadcast()
	} else if !t.IsZero() {
		var timer *time.Timer
		timer = time.AfterFunc(wait, func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			if d.timer == timer { // else it was moved just then
				d.over = true
				g.changed.Broadcast()
			}
		})
		d.timer = timer
	}
	return nil
}

func (g *goConn) SetReadDeadline(t time.Time) error  { return g.set(&g.readBy, t) }
func (g *goConn) SetWriteDeadline(t time.Time) error { return g.set(&g.writeBy, t) }

// SetDeadline is net.Conn's.
func (g *goConn) SetDeadline(t time.Time) error {
	if err := g.SetReadDeadline(t); err != nil {
		return err
	}
	return g.SetWriteDeadline(t)
}

// noAddr is where the connection leads: who handed it over knows better.
var noAddr net.Addr = net.TCPAddrFromAddrPort(netip.AddrPort{})

func (g *goConn) LocalAddr() net.Addr  { return noAddr }
func (g *goConn) RemoteAddr() net.Addr { return noAddr }
