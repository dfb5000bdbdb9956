package netpoll

import (
	"net"
	"time"
)

// What was written before Close may take a while to go out: as long as the peer takes lastPace of it each lastFlush.
const (
	lastFlush = 10 * time.Second
	lastPace  = 2400
)

// tend is the loop's turn for what the goroutine did.
func (g *goConn) tend() {
	g.flush()
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.conn.Open() {
		return
	}
	if g.held && len(g.in) < g.room()/2 {
		g.held = false
		g.conn.Resume()
	}
	switch {
	case g.closed:
		g.leave()
	case g.finWant && len(g.out) == 0:
		g.conn.CloseWrite()
	}
}

// flush gives what was written to the connection, as long as that has room.
func (g *goConn) flush() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.posted = false
	if !g.conn.Open() {
		return
	}
	defer g.sent()
	if len(g.out) == 0 {
		return
	}
	if g.full = g.conn == &g.own && g.own.Full(0); g.full {
		return // until OnDrained; what a handshake says is never that much
	}
	out := g.out
	g.sending, g.out = len(out), nil
	g.mu.Unlock()
	g.conn.writeRaw(out) // not under mu: where it fails, cut is called
	g.mu.Lock()
}

// sent looks how much the kernel has not taken yet.
func (g *goConn) sent() {
	if g.sending = 0; g.conn == &g.own {
		g.sending = g.own.Buffered()
		if g.sending > 0 {
			g.own.NotifyDrained()
		}
	}
	g.charge()
	g.changed.Broadcast()
}

// leave closes the connection once all is sent. What still comes is read and dropped meanwhile, since to close a
// socket over unread bytes resets it, and would take along what was sent.
func (g *goConn) leave() {
	c := g.conn
	g.in = nil
	g.charge()
	c.Resume()
	switch {
	case len(g.out) > 0: // until OnDrained
	case c.has(ended) && c.Buffered() == 0:
		g.loop.Cancel(&g.linger)
		c.Close()
		g.drop()
		return
	default:
		c.CloseWrite()
	}
	if !g.linger.Set() {
		g.unsent = c.Buffered() + len(g.out)
		g.loop.Schedule(&g.linger, lastFlush, g)
	}
}

// OnTimer ends a connection whose peer takes too little, or does not end what it has all of.
func (g *goConn) OnTimer(*Timer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	left := g.conn.Buffered() + len(g.out)
	if g.unsent-left < lastPace {
		g.conn.Close()
		g.drop()
		return
	}
	g.unsent = left
	g.loop.Schedule(&g.linger, lastFlush, g)
}

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
	g.charge()
	if len(g.in) >= g.room() {
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
		g.drop()
	}
}

// OnClose is told to both sides of the goroutine.
func (g *goConn) OnClose(_ *Conn, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.loop.Cancel(&g.linger)
	g.err = err
	g.out, g.sending = nil, 0
	g.charge()
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
	g.charge()
	return in, g.ended
}

// cut is called when the connection is closed under the goroutine.
func (g *goConn) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.giveUpOn(net.ErrClosed)
}

// giveUpOn lets go of all bytes as well.
func (g *goConn) giveUpOn(err error) {
	if g.err == nil {
		g.err = err
	}
	g.drop()
	g.changed.Broadcast()
}

// cutWith ends what the goroutine does, with an error.
func (g *goConn) cutWith(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.giveUpOn(err)
}

// idle tells whether Read would wait.
func (g *goConn) idle() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.nothing()
}

func (g *goConn) nothing() bool {
	return !g.closed && !g.readBy.over && len(g.in) == 0 && !g.ended && g.err == nil
}

// await waits until Read would not.
func (g *goConn) await() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.nothing() {
		g.changed.Wait()
	}
}

func (g *goConn) failed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err != nil
}
