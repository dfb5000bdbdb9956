package netpoll

import (
	"golang.org/x/sys/unix"

	"weir/internal/invariants"
)

// readsPerTurn bounds what one connection may read before the others have had their turn.
const readsPerTurn = 4

// Pause stops the reading. What the peer sends stays in the kernel, whose window then closes.
func (c *Conn) Pause() { c.set(paused) }

// Paused tells whether reading is stopped.
func (c *Conn) Paused() bool { return c.has(paused) }

// Resume lets the loop read again, at the end of the batch.
func (c *Conn) Resume() {
	if c.has(paused) {
		c.clear(paused)
		if c.has(readable) {
			c.readLater()
		}
	}
}

func (c *Conn) readLater() {
	if c.Open() && !c.has(resuming) {
		c.set(resuming)
		c.loop.later.resume.add(c)
		c.loop.putOff()
	}
}

func (c *Conn) read() {
	l := c.loop
	for range readsPerTurn {
		if c.flags&(open|broken|readable|paused|connecting) != open|readable {
			return
		}
		n, errno := l.sys.read(int(c.fd), l.in)
		switch {
		case n > 0:
			if n < len(l.in) && !c.has(hungUp) {
				c.clear(readable)
			}
			c.handler.OnData(c, l.in[:n])
			invariants.Mangle(l.in[:n])
		case errno == 0:
			hungUp := c.has(hungUp)
			c.end()
			if hungUp && c.Open() && c.has(ended) { // unless its owner has made another of it
				c.probe() // one event may have told of the end and of a reset
			}
		case errno == unix.EAGAIN:
			c.clear(readable | hungUp | left)
		case errno != unix.EINTR:
			c.fail(errno)
		}
	}
	if c.has(readable) && !c.has(paused) {
		c.readLater()
	}
}

// end tells the owner, once, that the peer has sent all it will.
func (c *Conn) end() {
	c.clear(readable | hungUp)
	if !c.has(ended) {
		c.set(ended)
		c.handler.OnEOF(c)
	}
}

// probe looks whether the peer of a connection that is not being read is gone for good: reset, or at its end
// with nothing left to read. Then the owner hears it now, since it may never resume reading. A peer that has closed a unix
// socket resets nothing; the kernel says that it takes no more.
func (c *Conn) probe() {
	n, errno := c.loop.sys.peek(int(c.fd))
	switch {
	case n > 0 || errno == unix.EINTR:
	case errno == 0:
		c.end()
		if c.flags&(left|finSent) == left && c.Open() && c.loop.sys.gone(int(c.fd)) {
			c.fail(unix.EPIPE)
		}
		c.clear(left)
	case errno == unix.EAGAIN:
		c.clear(hungUp | left)
	default:
		c.fail(errno)
	}
}
