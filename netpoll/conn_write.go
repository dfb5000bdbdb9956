package netpoll

import (
	"github.com/valyala/bytebufferpool"
	"golang.org/x/sys/unix"
)

// Write sends b, behind what is queued. What the kernel does not take now is copied to the queue, so b may be
// used again at once. The queue has no limit of its own: look at Buffered, and pause the source.
func (c *Conn) Write(b []byte) {
	if c.flags&(open|broken|finWanted) != open || len(b) == 0 {
		return
	}
	if c.has(secured) {
		c.layer().write(b)
		return
	}
	c.writeRaw(b)
}

func (c *Conn) writeRaw(b []byte) {
	if c.flags&(connecting|blocked) != 0 {
		c.enqueue(b)
		return
	}
	if c.loop.collecting && len(b) < collectable && !c.has(secured) {
		c.Queue(b)
		return
	}
	pending := c.pending()
	n, errno := c.send(pending, b)
	if errno != 0 && errno != unix.EAGAIN && errno != unix.EINTR {
		c.fail(errno)
		return
	}
	c.took(min(n, len(pending)))
	if rest := b[max(0, n-len(pending)):]; len(rest) > 0 {
		c.enqueue(rest)
		c.stuck(errno)
	}
}

// Queue adds b to what goes out when the batch is over, in one write with everything else that was queued.
func (c *Conn) Queue(b []byte) {
	if c.flags&(open|broken|finWanted) != open || len(b) == 0 {
		return
	}
	if c.has(secured) {
		c.layer().queue(b)
		return
	}
	c.enqueue(b)
	if c.flags&(connecting|blocked|queued) == 0 {
		c.flushLater()
	}
}

// Buffered is how many bytes wait in the queue.
func (c *Conn) Buffered() int {
	n := len(c.pending())
	if c.has(secured) {
		n += c.layer().queued()
	}
	return n
}

// Delivered tells whether the peer's host is known to have all that was written.
func (c *Conn) Delivered() bool {
	return c.flags&(open|broken|connecting) == open && c.Buffered() == 0 && c.loop.sys.unacked(int(c.fd)) == 0
}

// collectable is the size up to which a copy is cheaper than a system call of its own.
const collectable = 4 << 10

// Full tells whether more than limit bytes wait in the queue, and if so asks for OnDrained.
func (c *Conn) Full(limit int) bool {
	if c.Buffered() <= limit {
		return false
	}
	c.NotifyDrained()
	return true
}

// LimitNotSent has the kernel take no more than that of bytes that it has not sent yet (TCP_NOTSENT_LOWAT), where it can: the
// queue then tells how fast the other side reads, and not how full the kernel's buffer of some MiB is.
func (c *Conn) LimitNotSent(bytes int) {
	if c.Open() {
		_ = limitNotSent(int(c.fd), bytes) // no TCP: its buffer is small
	}
}

// NotifyDrained asks for one OnDrained when the queue has fallen to the low-water mark.
func (c *Conn) NotifyDrained() { c.set(wantDrain) }

// CloseWrite ends our direction (FIN) once the queue is empty; if it is not empty yet, OnDrained tells when
// that was done. Later writes are dropped.
func (c *Conn) CloseWrite() {
	if c.Open() && !c.has(finWanted) {
		if c.has(secured) {
			c.layer().closeWrite()
		}
		c.set(finWanted)
		c.finish()
	}
}

// flush sends what is queued, as far as the kernel takes it.
func (c *Conn) flush() {
	if c.has(secured) {
		c.layer().seal()
	}
	if c.flags&(open|broken|connecting|blocked) != open {
		return
	}
	if pending := c.pending(); len(pending) > 0 {
		n, errno := c.send(pending, nil)
		if errno != 0 && errno != unix.EAGAIN && errno != unix.EINTR {
			c.fail(errno)
			return
		}
		c.took(n)
		if n < len(pending) {
			c.stuck(errno)
		}
	}
	if c.has(wantDrain) && c.Buffered() <= c.loop.opts.LowWater {
		c.clear(wantDrain)
		c.handler.OnDrained(c)
	}
	if c.finish() {
		c.handler.OnDrained(c)
	}
}

// send is one system call for at most two pieces.
func (c *Conn) send(a, b []byte) (int, unix.Errno) {
	c.loop.stats.Writes++
	switch {
	case len(a) == 0:
		return c.loop.sys.write(int(c.fd), b)
	case len(b) == 0:
		return c.loop.sys.write(int(c.fd), a)
	default:
		return c.loop.sys.writev(int(c.fd), &c.loop.iov, a, b)
	}
}

// stuck decides who tries again: the kernel's next event after a full socket, we ourselves after a signal.
func (c *Conn) stuck(errno unix.Errno) {
	if errno == unix.EINTR {
		c.flushLater()
		return
	}
	c.set(blocked)
	if !c.has(watched) {
		c.set(watched)
		if err := c.loop.sys.watch(c.loop.poller, int(c.fd)); err != nil {
			c.fail(ioError)
		}
	}
}

func (c *Conn) flushLater() {
	c.set(queued)
	c.loop.later.dirty.add(c)
	c.loop.putOff()
}

// finish half-closes once everything has gone, and tells whether it did so now.
func (c *Conn) finish() bool {
	if c.out != nil || c.flags&(open|broken|finWanted|finSent|connecting) != open|finWanted {
		return false
	}
	c.set(finSent)
	c.loop.sys.shutdown(int(c.fd))
	return true
}

func (c *Conn) pending() []byte {
	if c.out == nil {
		return nil
	}
	return c.out.B[c.sent:]
}

// took counts n bytes of the queue as sent and gives an empty queue's buffer back.
func (c *Conn) took(n int) {
	if n == 0 {
		return
	}
	c.sent += int32(n)
	c.loop.stats.Buffered -= n
	if int(c.sent) == len(c.out.B) {
		c.buffers().Put(c.out)
		c.out, c.sent = nil, 0
	}
}

func (c *Conn) enqueue(b []byte) {
	c.loop.owner.Check()
	if c.out == nil {
		c.out = c.buffers().Get()
	} else if c.sent > 0 && len(c.out.B)+len(b) > cap(c.out.B) {
		// Move what is left to the front rather than let the array grow behind bytes long gone.
		c.out.B = c.out.B[:copy(c.out.B, c.out.B[c.sent:])]
		c.sent = 0
	}
	c.out.B = append(c.out.B, b...)
	c.loop.stats.Buffered += len(b)
}

// Buffers are pooled by what they are for: a pool forgets those much larger than most, so the few large queues of
// shared connections would be made anew for each batch if they came from the same one as the clients'.
var smallBuffers, largeBuffers bytebufferpool.Pool

// Bulky says that the queue will be large and often used, since many sessions share the connection.
func (c *Conn) Bulky() { c.set(bulky) }

func (c *Conn) buffers() *bytebufferpool.Pool {
	if c.has(bulky) {
		return &largeBuffers
	}
	return &smallBuffers
}

func (c *Conn) dropQueue() {
	if c.out != nil {
		c.took(len(c.pending()))
	}
	if c.has(secured) {
		c.layer().drop()
	}
}
