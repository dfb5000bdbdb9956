package netpoll

import (
	gnetpoll "github.com/panjf2000/gnet/v2/pkg/netpoll"
	"github.com/valyala/bytebufferpool"
	"golang.org/x/sys/unix"
)

// Handler hears of one connection. All calls come on the connection's loop, one at a time, and never from
// inside a call that the handler makes to a Conn.
type Handler interface {
	// OnConnect says that a connection made with Loop.Connect stands.
	OnConnect(c *Conn)
	// OnData lends the bytes that were read; they are the loop's again when OnData returns.
	OnData(c *Conn, b []byte)
	// OnDrained says that the queue has fallen to the low-water mark, if NotifyDrained asked for it.
	OnDrained(c *Conn)
	// OnEOF says that the other side will send no more. Writing is still possible.
	OnEOF(c *Conn)
	// OnClose says that the connection failed and is closed. It does not follow a call of Close.
	OnClose(c *Conn, err error)
}

type flag uint32

const (
	open       flag = 1 << iota
	connecting      // connect(2) is under way; what is written waits in the queue
	readable        // the kernel may hold bytes for us
	hungUp          // the peer was said to have closed: read until 0, a short read is not the end
	left            // the peer was said to take no more either, as unix sockets tell of one that has closed its own
	paused          // by the owner: do not read
	resuming        // on the list of connections to be read at the end of the batch
	queued          // on the list of connections to be flushed at the end of the batch
	blocked         // the kernel takes no more: wait for a writable event
	wantDrain       // tell OnDrained
	finWanted       // half-close when the queue is empty
	finSent
	ended   // OnEOF was told
	broken  // failed; OnClose is due
	bulky   // its queue is taken from the large buffers
	secured // handler is a *secure
	watched // writable events are asked for
	young   // on the list of those that may be probed
	probed  // silent, by TCP
)

// Conn is a socket of a loop. Its zero value is ready for Loop.Attach or Loop.Connect, and it is meant to be
// embedded. Everything in it is owned by the loop.
type Conn struct {
	loop    *Loop
	handler Handler
	out     *bytebufferpool.ByteBuffer // bytes not yet taken by the kernel; nil when there are none
	fd      int32
	sent    int32 // how much of out has gone
	flags   flag
	errno   uint16 // why it is broken
}

func (c *Conn) has(f flag) bool { return c.flags&f != 0 }
func (c *Conn) set(f flag)      { c.flags |= f }
func (c *Conn) clear(f flag)    { c.flags &^= f }

// Attach makes c the owner of an accepted socket and begins to read it.
func (l *Loop) Attach(c *Conn, fd int, h Handler) error {
	*c = Conn{loop: l, handler: h, fd: int32(fd), flags: open}
	l.opts.Sockets.add(1)
	return l.register(c)
}

// Connect begins a connection to addr. OnConnect or OnClose tells how it went; the owner sets the deadline.
// An error means that it is over at once and neither will come: no descriptors or ports left, as many sockets as may be
// open, no route, or a refusal that the kernel knows of already, as it does on loopback.
func (l *Loop) Connect(c *Conn, addr Addr, h Handler) error {
	if err := l.opts.Sockets.Take(); err != nil {
		return err
	}
	fd, err := l.sys.dial(addr, l.opts.Socket)
	if err != nil {
		l.opts.Sockets.Give()
		return err
	}
	*c = Conn{loop: l, handler: h, fd: int32(fd), flags: open | connecting}
	return l.register(c)
}

// register asks for events. That a socket is writable counts only when it was not: asked for from the start, it would
// be an event for every newcomer.
func (l *Loop) register(c *Conn) error {
	l.owner.Check()
	pa := gnetpoll.PollAttachment{FD: int(c.fd)}
	add := l.poller.AddRead
	if c.has(connecting) {
		add = l.poller.AddReadWrite
		c.set(watched)
	}
	if err := add(&pa, true); err != nil {
		c.flags = 0
		l.sys.close(int(c.fd))
		l.opts.Sockets.Give()
		return err
	}
	l.conns.Put(c)
	l.stats.Opened++
	l.probes.add(c)
	return nil
}

// Key is the descriptor's number, for the loop's table.
func (c *Conn) Key() uint32 { return uint32(c.fd) }

// Open tells whether the connection is neither closed nor broken.
func (c *Conn) Open() bool { return c.flags&(open|broken) == open }

// Loop is the loop that owns the connection.
func (c *Conn) Loop() *Loop { return c.loop }

// SetHandler passes the connection on to another owner on the same loop.
func (c *Conn) SetHandler(h Handler) {
	if c.has(secured) {
		c.layer().inner = h
		return
	}
	c.handler = h
}

// Close ends the connection at once; what is queued is dropped. OnClose does not follow.
func (c *Conn) Close() {
	if !c.has(open) {
		return
	}
	l := c.loop
	l.owner.Check()
	c.dropQueue()
	l.probes.gone(c)
	c.flags = 0
	l.conns.Delete(c.Key())
	l.later.closed = append(l.later.closed, int(c.fd))
	l.putOff()
}

// Abort is Close for a connection that the loop opened. If the peer has got all that was written, which the owner may know
// already, and neither side has ended, it resets the connection: the side that ends TCP first keeps its port in
// TIME_WAIT, for a minute, and the ports from which one address can reach a peer are few (28,000 on Linux).
func (c *Conn) Abort(delivered bool) {
	if c.flags&(open|broken|connecting|finWanted|ended) == open && (delivered || c.Delivered()) {
		c.loop.sys.reset(int(c.fd))
	}
	c.Close()
}

// fail marks the connection broken. OnClose comes at the end of the batch, since its owner may be the caller.
func (c *Conn) fail(errno unix.Errno) {
	if c.Open() {
		c.errno = uint16(errno)
		c.set(broken)
		c.dropQueue()
		c.loop.later.failed.add(c)
		c.loop.putOff()
	}
}

func (c *Conn) reportFailure() {
	if c.has(broken) {
		err := unix.Errno(c.errno)
		c.Close()
		c.handler.OnClose(c, err)
	}
}

// ready handles an event. The event may be stale (doc.go), so it is only a reason to try.
func (c *Conn) ready(ev gnetpoll.IOEvent, flags gnetpoll.IOFlags) {
	if !c.Open() || c.has(connecting) && !c.finishConnect() {
		return
	}
	if c.has(blocked) && canWrite(ev, flags) {
		c.clear(blocked)
		c.flush()
	}
	if !c.Open() {
		return // it failed, or its owner closed it just now
	}
	if peerClosed(ev, flags) {
		c.set(hungUp)
	}
	if peerLeft(ev, flags) {
		c.set(left)
	}
	if c.has(hungUp) && c.flags&(paused|ended) != 0 {
		c.probe()
	}
	if !c.has(ended) && (c.has(hungUp) || canRead(ev, flags)) {
		c.set(readable)
		c.read()
	}
}

func (c *Conn) finishConnect() bool {
	switch errno := c.loop.sys.connected(int(c.fd)); errno {
	case 0:
		c.clear(connecting)
		c.handler.OnConnect(c)
		c.flush()
		return true
	case unix.EALREADY, unix.EINPROGRESS, unix.EINTR:
		return false
	default:
		c.fail(errno)
		return false
	}
}
