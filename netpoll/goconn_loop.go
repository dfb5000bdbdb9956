package netpoll

import (
	"net"
	"time"
)

// lastFlush bounds how long what was written before Close may take to go out.
const lastFlush = 10 * time.Second

// tend is the loop's turn for what the goroutine did.
func (g *goConn) tend() {
	g.flush()
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.conn.Open() {
		return
	}
	if g.held && len(g.in) < goConnRoom/2 {
		g.held = false
		g.conn.Resume()
	}
	if len(g.out) > 0 {
		return // until OnDrained
	}
	if g.closed {
		g.leave()
	} else if g.finWant {
		g.conn.CloseWrite()
	}
}

// flush gives what was written to the connection, as long as that has room.
func (g *goConn) flush() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.posted = false
	if !g.conn.Open() || len(g.out) == 0 {
		return
	}
	if g.full = g.conn.Full(goConnRoom); g.full {
		return
	}
	out := g.out
	g.out = nil
	g.changed.Broadcast()
	g.mu.Unlock()
	g.conn.writeRaw(out) // not under mu: where it fails, cut is called
	g.mu.Lock()
}

// leave closes the connection once all is sent. What still comes is read and dropped meanwhile, since to close a
// socket over unread bytes resets it, and would take along what was sent.
func (g *goConn) leave() {
	c := g.conn
	if c.has(ended) && c.Buffered() == 0 {
		g.loop.Cancel(&g.linger)
		c.Close()
		return
	}
	g.in = nil
	c.CloseWrite()
	c.Resume()
	if !g.linger.Set() {
		g.loop.Schedule(&g.linger, lastFlush, g)
	}
}

// OnTimer ends a connection whose peer does not take or end anything any more.
func (g *goConn) OnTimer(*Timer) { g.conn.Close() }

// OnConnect never comes: the connection stood before.
func (g *goConn) OnConnect(*Conn) {}

// OnData keeps b until the goroutine reads it.
func (g *goConn) OnData(c *Conn, b []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	g.in = append(g.in, b...)
	if len(g.in) >= goConnRoom {
		g.held = true
		c.Pause()
	}
	g.changed.Broadcast()
}

// OnDrained goes on with what had to wait.
func (g *goConn) OnDrained(*Conn) { g.tend() }

// OnEOF is told to the reader once it has read what came before.
func (g *goConn) OnEOF(c *Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
	g.changed.Broadcast()
	if g.closed && len(g.out) == 0 && c.Buffered() == 0 {
		g.loop.Cancel(&g.linger)
		c.Close()
	}
}

// OnClose is told to both sides of the goroutine.
func (g *goConn) OnClose(_ *Conn, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.loop.Cancel(&g.linger)
	g.err = err
	g.out = nil
	g.changed.Broadcast()
}

// release takes what came and was not read, and whether that is all, when the goroutine has done its part.
func (g *goConn) release() (in []byte, ended bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if in = g.in; g.held {
		g.held = false
		g.conn.Resume()
	}
	g.in = nil
	return in, g.ended
}

// cut is called when the connection is closed under the goroutine.
func (g *goConn) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil {
		g.err = net.ErrClosed
	}
	g.changed.Broadcast()
}
