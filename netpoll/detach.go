package netpoll

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
)

// Detach takes the connection from its handler and gives it to goroutines as a net.Conn, from which early is read
// first: what the handler was given and has not used. Closing the net.Conn closes the connection. With TLS it is a
// *tls.Conn if early is empty. c itself is as if closed; it must not be detached before OnConnect or while paused
// bytes are owed to its handler.
func (c *Conn) Detach(early []byte) net.Conn {
	l := c.loop
	l.owner.Check()
	g := newGoConn(l, nil)
	g.conn = &g.own
	var out net.Conn = g
	if c.has(secured) {
		s := c.layer()
		s.seal()
		s.stage, s.conn, s.inner = lent, nil, nil
		g.in = slices.Clone(s.wire.rest)
		s.wire.rest, s.wire.goes = nil, g
		out = s.tls
		if len(early) > 0 {
			out = &replay{Conn: s.tls, early: slices.Clone(early)}
		}
	} else {
		g.in = slices.Clone(early)
	}
	g.ended = c.has(ended)
	g.held = len(g.in)+len(early) >= unreadRoom // more is read once that is
	g.take(c)
	return out
}

// goConnOf is what is below a connection that Detach gave; nil if it is none.
func goConnOf(conn net.Conn) *goConn {
	switch c := conn.(type) {
	case *goConn:
		return c
	case *replay:
		return goConnOf(c.Conn)
	case *tls.Conn:
		return goConnOf(c.NetConn())
	case *wire:
		return c.goes
	}
	return nil
}

// AwaitGone waits until a connection that Detach gave is closed, has failed, or its read deadline is over. What the peer
// sends, and that it sends no more, ends nothing. The error is never nil.
func AwaitGone(conn net.Conn) error {
	if g := goConnOf(conn); g != nil {
		return g.awaitGone()
	}
	return errors.ErrUnsupported
}

// Written is how many bytes were written to a connection that Detach gave.
func Written(conn net.Conn) uint64 {
	if g := goConnOf(conn); g != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.wrote
	}
	return 0
}

// Delivered is how many bytes the peer's host is known to have of all that was written to a connection that Detach gave,
// and whether more wait for it.
func Delivered(conn net.Conn) (bytes uint64, waiting, ok bool) {
	if g := goConnOf(conn); g != nil {
		return g.delivered()
	}
	return 0, false, false
}

// take moves the socket of c to the goConn's own Conn. What was put off for c finds it closed.
func (g *goConn) take(c *Conn) {
	g.own.move(c, g)
	if g.loop.opts.Socket.NotSent == 0 {
		g.own.LimitNotSent(goConnRoom) // or the kernel keeps some MiB for a client that does not read
	}
	g.charge()
	if g.held {
		g.own.Pause()
	} else {
		g.own.Resume()
	}
}

// move makes c the owner of the socket of from, on the same loop.
func (c *Conn) move(from *Conn, h Handler) {
	l := from.loop
	*c = Conn{loop: l, handler: h, out: from.out, fd: from.fd, sent: from.sent, errno: from.errno, flags: from.flags &^ (resuming | queued | secured | wantDrain)}
	from.out, from.flags = nil, 0
	l.conns.Put(c)
	if from.has(broken) {
		l.later.failed.add(c)
		l.putOff()
	}
	if c.has(readable) && !c.has(paused) {
		c.readLater()
	}
	if c.out != nil && !c.has(blocked) {
		c.flushLater()
	}
}

// Adopt takes back on the loop what Detach gave away there, when no goroutine uses it any more. rest is what has come
// meanwhile and h was not given; it may be empty. An error says that the connection is gone.
func (l *Loop) Adopt(c *Conn, conn net.Conn, h Handler) (rest []byte, err error) {
	l.owner.Check()
	if r, ok := conn.(*replay); ok {
		rest, conn = r.take(), r.Conn
	}
	if t, ok := conn.(*tls.Conn); ok {
		w, ok := t.NetConn().(*wire)
		if !ok {
			return nil, net.ErrClosed
		}
		return w.adopt(c, h, rest)
	}
	g, ok := conn.(*goConn)
	if !ok || !g.giveUp(c, h) {
		return nil, net.ErrClosed
	}
	return append(rest, g.in...), nil
}

func (w *wire) adopt(c *Conn, h Handler, rest []byte) ([]byte, error) {
	g, s := w.goes, w.s
	if g == nil || !g.giveUp(c, s) {
		return nil, net.ErrClosed
	}
	c.set(secured)
	s.conn, s.inner, s.stage, s.toldEOF = c, h, standing, false
	w.goes, w.rest = nil, g.in
	s.lend()
	room := c.loop.plainRoom()
	for {
		n, err := s.tls.Read(room) // to the end: goroutines may have left a part of a record in it
		rest = append(rest, room[:n]...)
		if err == nil {
			continue
		}
		s.trim()
		if !errors.Is(err, errNoData) { // not from inside the call of the one who is to hear it
			_ = c.loop.Post(func() {
				if s.conn == c && s.stage == standing && c.Open() {
					s.end(err)
				}
			})
		}
		return rest, nil
	}
}

// giveUp ends the goroutines' part and moves the socket to c, if the connection still stands.
func (g *goConn) giveUp(c *Conn, h Handler) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.finWant || !g.own.Open() {
		return false
	}
	g.readBy.stop()
	g.writeBy.stop()
	g.closed = true
	g.changed.Broadcast()
	g.own.Resume()
	if len(g.out) > 0 {
		g.own.writeRaw(g.out)
	}
	g.out, g.sending = nil, 0
	g.own.LimitNotSent(g.loop.opts.Socket.NotSent)
	c.move(&g.own, h)
	goConnsHeld.Add(-int64(g.charged)) // what is left of in goes along
	g.charged = 0
	if c.has(ended) { // h has not heard it
		c.clear(ended)
		c.set(readable)
		c.readLater()
	}
	return true
}

// replay gives bytes back that were read before.
type replay struct {
	net.Conn

	mu    sync.Mutex
	early []byte // under mu
}

func (r *replay) Read(b []byte) (int, error) {
	r.mu.Lock()
	if len(r.early) == 0 {
		r.mu.Unlock()
		return r.Conn.Read(b)
	}
	defer r.mu.Unlock()
	n := copy(b, r.early)
	r.early = r.early[n:]
	return n, nil
}

// take hands out what nobody has read.
func (r *replay) take() (rest []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rest, r.early = r.early, nil
	return rest
}

// CloseWrite is for servers that linger after their last answer.
func (r *replay) CloseWrite() error {
	if c, ok := r.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return io.ErrClosedPipe
}
