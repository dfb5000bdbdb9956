//go:build linux

package load

import (
	"errors"
	"syscall"

	"weir/bench/wire"
)

// exchange is the state of one client's talk.
type exchange struct {
	slot   int    // its place in the schedule
	due    int    // messages that should have been sent by now
	sent   uint32 // whole messages sent, which is also the number of the next
	got    uint32 // whole echoes
	offset int    // how much of the next frame is out
	at     int    // how much of the next echo is in
	mid    bool   // a fragment of it is in, more follow
	sentAt int64  // closed loop: when the message began to go out
	ping   []byte // payload of a ping, until it is whole
	pong   []byte // answer to a ping, to go out before the next frame
}

var (
	errEcho    = errors.New("an echo differs from what was sent")
	errClosing = errors.New("the other side sent a close frame")
)

// receive takes bytes of an upgraded connection.
func (c *conn) receive(b []byte) {
	for len(b) > 0 && c.state == open {
		p, n, ok, err := c.scan.Next(b)
		b = b[n:]
		switch {
		case err != nil:
			c.w.lose(c, FaultMismatch, err)
		case ok && p.Control():
			c.control(&p)
		case ok:
			c.data(&p)
		}
	}
}

func (c *conn) control(p *wire.Piece) {
	switch p.Opcode {
	case wire.Close:
		c.w.lose(c, FaultClosed, errClosing)
	case wire.Ping:
		if c.ping = append(c.ping, p.Data...); !p.Last {
			return
		}
		if len(c.pong) == 0 { // else one answer waits already, and RFC 6455 section 5.5.3 lets one do for two
			c.pong = wire.AppendHeader(c.pong, wire.Header{Fin: true, Opcode: wire.Pong, Masked: true, Mask: mask, Length: p.Length})
			wire.Mask(c.ping, mask, 0)
			c.pong = append(c.pong, c.ping...)
		}
		c.ping = nil
		c.send()
	}
}

// data checks a piece of an echo. A gateway may cut a message into frames of its own choosing.
func (c *conn) data(p *wire.Piece) {
	t := &c.w.talk
	opcode := byte(wire.Binary)
	if c.mid {
		opcode = wire.Continuation
	}
	unasked := c.got == c.sent && c.offset == 0 // a large message's echo may begin before its end is out
	if p.Masked || unasked || p.First && p.Opcode != opcode || !t.message.matches(c.id, c.got, c.at, p.Data) {
		c.w.lose(c, FaultMismatch, errEcho)
		return
	}
	c.at += len(p.Data)
	if !p.Last {
		return
	}
	if c.mid = !p.Fin; c.mid {
		return
	}
	if c.at != t.message.size {
		c.w.lose(c, FaultMismatch, errEcho)
		return
	}
	c.at = 0
	t.echoed(c)
	c.got++
}

// send writes the messages that are due, until the socket is full.
func (c *conn) send() {
	m := &c.w.talk.message
	if c.offset == 0 && len(c.pong) > 0 {
		n, ok := c.write(c.pong)
		if c.pong = c.pong[n:]; !ok || len(c.pong) > 0 {
			return
		}
		c.pong = nil
	}
	for c.due > 0 {
		if c.offset == 0 {
			c.sentAt = now()
		}
		m.stamp(c.id, c.sent)
		n, ok := c.write(m.frame[c.offset:])
		if c.offset += n; !ok || c.offset < len(m.frame) {
			return
		}
		c.offset = 0
		c.due--
		c.sent++
	}
}

// write writes what fits; false means that no more will fit now, or ever.
func (c *conn) write(b []byte) (n int, ok bool) {
	for n < len(b) {
		sent, err := c.put(b[n:])
		if err == syscall.EAGAIN {
			return n, false
		}
		if err != nil {
			c.w.end(c, err)
			return n, false
		}
		n += sent
	}
	return n, true
}
