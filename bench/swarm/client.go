//go:build linux

package swarm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"weir/bench/epoll"
	"weir/bench/load"
	"weir/bench/wire"
)

type state uint8

const (
	unborn state = iota
	connecting
	upgrading
	open
	leaving // has answered a close frame: the other side ends the connection (RFC 6455 section 7.1.1)
	gone
)

// client is one connection. Owned by the loop.
type client struct {
	w     *worker
	part  []byte // of an answer or a frame, until it is whole
	fd    int32
	slot  int32  // of a talk: its place in the schedule
	sent  uint32 // of a talk: messages, which is also the number of the next
	got   uint32 // of a talk: echoes
	late  uint32 // echoes of talks that are over, already counted as missing
	state state
}

// maxUnsent is what is kept of a client's bytes that the kernel does not take.
const maxUnsent = 64 << 10

var (
	errEnd     = errors.New("closed by the other side without a close frame")
	errUnasked = errors.New("a message that nobody asked for")
	errEcho    = errors.New("an echo differs from what was sent")
	errUnsent  = fmt.Errorf("more than %d bytes were not taken", maxUnsent)
)

// Ready is called by the loop.
func (c *client) Ready(ev epoll.Events) {
	if c.state == connecting {
		if !ev.Writable() {
			return
		}
		if err := epoll.Failure(int(c.fd)); err != nil {
			c.w.refuse(c, load.FaultConnect, err)
			return
		}
		c.state = upgrading
		c.write(c.w.request)
	}
	if ev.Writable() && len(c.w.unsent) > 0 {
		if rest := c.w.unsent[c]; len(rest) > 0 {
			delete(c.w.unsent, c)
			c.write(rest)
		}
	}
	if ev.Readable() {
		c.read(ev.Ending())
	}
}

func (c *client) read(ending bool) {
	for c.state != gone {
		n, errno := epoll.Read(int(c.fd), c.w.in)
		if errno == syscall.EAGAIN {
			return
		}
		if n == 0 {
			c.end(errno)
			return
		}
		b := c.w.in[:n]
		if len(c.part) > 0 {
			b = append(c.part, b...)
		}
		rest := c.take(b)
		c.part = nil
		if len(rest) > 0 && c.state != gone {
			c.part = append(c.part, rest...)
		}
		if n < len(c.w.in) && !ending {
			return
		}
	}
}

func (c *client) end(errno syscall.Errno) {
	err := errEnd
	if errno != 0 {
		err = errno
	}
	switch c.state {
	case upgrading:
		c.w.refuse(c, load.FaultUpgrade, err)
	case open:
		c.w.lose(c, load.FaultClosed, err)
	case leaving:
		c.w.drop(c)
	}
}

// take acts on what came and gives back the piece of an answer or a frame that is not whole yet.
func (c *client) take(b []byte) (rest []byte) {
	if c.state == upgrading {
		n, err := wire.CutHead(b)
		if n == 0 && err == nil {
			return b
		}
		if err == nil {
			err = wire.CheckAnswer(b[:n], c.w.accept)
		}
		if err != nil {
			c.w.refuse(c, load.FaultUpgrade, err)
			return nil
		}
		b = b[n:]
		c.w.welcome(c)
	}
	for c.state == open {
		h, n, err := wire.ParseHeader(b)
		if err == nil && n > 0 && (h.Masked || h.Length > MaxSize) {
			err = fmt.Errorf("a frame of %d bytes, masked: %t", h.Length, h.Masked)
		}
		if err != nil {
			c.w.lose(c, faultFrame, err)
			return nil
		}
		if n == 0 || int64(len(b)-n) < h.Length {
			return b
		}
		end := n + int(h.Length)
		c.frame(&h, b[n:end])
		b = b[end:]
	}
	return nil
}

// frame acts on a whole frame. A payload is the client's to change.
func (c *client) frame(h *wire.Header, payload []byte) {
	switch h.Opcode {
	case wire.Ping:
		c.w.Pings++
		c.answer(wire.Pong, payload)
	case wire.Pong:
	case wire.Close:
		code := load.CodeNone
		if len(payload) >= 2 {
			code = int(binary.BigEndian.Uint16(payload))
		}
		c.w.Closed[code]++
		c.w.live--
		c.w.leaving++
		c.state = leaving
		c.answer(wire.Close, payload)
	case wire.Binary:
		if h.Fin {
			c.echo(payload)
			return
		}
		fallthrough
	default:
		c.w.lose(c, load.FaultMismatch, errEcho)
	}
}

func (c *client) echo(payload []byte) {
	if c.late > 0 {
		c.late--
		return
	}
	t, ok := c.w.phase.(*talking)
	switch {
	case !ok || c.got == c.sent:
		c.w.lose(c, load.FaultMismatch, errUnasked)
	case len(payload) != t.message.Size || !t.message.Matches(uint32(c.slot), c.got, 0, payload):
		c.w.lose(c, load.FaultMismatch, errEcho)
	default:
		t.echoed(c)
		c.got++
	}
}

// answer sends a control frame with the payload that came.
func (c *client) answer(opcode byte, payload []byte) {
	c.w.out = wire.AppendControl(c.w.out[:0], opcode, payload)
	c.write(c.w.out)
}

// write sends b; what the kernel does not take goes out later.
func (c *client) write(b []byte) {
	if rest := c.w.unsent[c]; len(rest) > 0 {
		c.keep(append(rest, b...))
		return
	}
	n, errno := epoll.Write(int(c.fd), b)
	switch {
	case errno != 0 && errno != syscall.EAGAIN:
		c.end(errno)
	case n < len(b):
		c.keep(append([]byte(nil), b[n:]...))
	}
}

func (c *client) keep(b []byte) {
	if len(b) <= maxUnsent {
		c.w.unsent[c] = b
	} else {
		c.w.lose(c, faultStuck, errUnsent)
	}
}
