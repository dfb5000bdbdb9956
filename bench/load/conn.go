//go:build linux

package load

import (
	"syscall"

	"weir/bench/epoll"
	"weir/bench/wire"
)

type state uint8

const (
	connecting state = iota
	shaking          // hands, on a goroutine: TLS
	upgrading
	open
	dead
)

// conn is one client.
type conn struct {
	w     *worker
	id    uint32
	fd    int
	state state
	to    uint8  // which of the targets
	began int64  // when the handshake began
	head  []byte // of the answer, until it is whole
	scan  wire.Scanner
	link  *link // nil without TLS
	exchange

	// of plain requests
	asking bool // an answer is awaited
	body   int  // bytes of the answer's body that are still to come
}

func (c *conn) target() *destination { return &c.w.targets[c.to] }

// Ready is called by the loop.
func (c *conn) Ready(ev epoll.Events) {
	if c.state == connecting {
		if !ev.Writable() {
			return
		}
		if err := epoll.Failure(c.fd); err != nil {
			c.w.refuse(c, FaultConnect, err)
			return
		}
		if c.target().TLS != nil {
			c.shake()
			return
		}
		c.ask()
	}
	if c.state == shaking {
		return // the goroutine's
	}
	if c.state == open && ev.Writable() && c.flushed() {
		c.send()
	}
	if ev.Readable() {
		c.drain(ev.Ending())
	}
}

// ask sends the first request: for the upgrade, or a plain one.
func (c *conn) ask() {
	c.state, c.sentAt = upgrading, now()
	request := c.target().request
	if n, err := c.put(request); n < len(request) {
		c.w.refuse(c, FaultUpgrade, err)
	}
}

// drain reads until the socket is empty, or ends when it is ending.
func (c *conn) drain(ending bool) {
	if c.link != nil {
		c.link.readable(ending)
	}
	for fd := c.fd; c.fd == fd && c.state != dead; {
		n, err := c.get(c.w.in)
		if err == syscall.EAGAIN {
			return
		}
		if n == 0 {
			c.w.end(c, err)
			return
		}
		c.take(c.w.in[:n])
		if c.link == nil && n < len(c.w.in) && !ending {
			return
		}
	}
}

// get reads; 0 with no error is the end of the stream.
func (c *conn) get(b []byte) (int, error) {
	if c.link != nil {
		return c.link.get(b)
	}
	return plain(epoll.Read(c.fd, b))
}

// put writes what fits.
func (c *conn) put(b []byte) (int, error) {
	if c.link != nil {
		return c.link.put(b)
	}
	return plain(epoll.Write(c.fd, b))
}

// flushed reports that no ciphertext waits for the socket.
func (c *conn) flushed() bool {
	if c.link == nil {
		return true
	}
	err := c.link.flush()
	if err != nil && err != syscall.EAGAIN {
		c.w.end(c, err)
	}
	return err == nil
}

func plain(n int, errno syscall.Errno) (int, error) {
	if errno != 0 {
		return 0, errno
	}
	return n, nil
}

func (c *conn) take(b []byte) {
	if c.w.answered != nil {
		c.answer(b)
		return
	}
	if c.state == upgrading {
		c.head = append(c.head, b...)
		n, err := wire.CutHead(c.head)
		if n == 0 && err == nil {
			return
		}
		if err == nil {
			err = wire.CheckAnswer(c.head[:n], c.w.accept)
		}
		if err != nil {
			c.w.refuse(c, FaultUpgrade, err)
			return
		}
		b = c.head[n:]
		c.head, c.state = nil, open
		c.w.pending--
		c.w.live++
		c.w.upgraded(c)
	}
	if c.state == open && len(b) > 0 {
		c.receive(b)
	}
}
