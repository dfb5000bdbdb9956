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
	heard  []byte // payload of a control frame, until it is whole
	word   []byte // a control frame, to go out before the next message

	leaving farewell
	pinged  bool // and no pong has come
}

// farewell is how far a client's close handshake is.
type farewell uint8

const (
	staying farewell = iota
	asked            // its close frame is on the way
	answered
)

var (
	errEcho = errors.New("an echo differs from what was sent")
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
	if c.heard = append(c.heard, p.Data...); !p.Last {
		return
	}
	heard := c.heard
	c.heard = nil
	switch p.Opcode {
	case wire.Close:
		c.dismissed(heard)
	case wire.Ping:
		c.say(wire.Pong, heard)
	case wire.Pong:
		if c.pinged {
			c.pinged = false
			c.w.pongs++
		}
	}
}

// say sends a control frame. One that still waits does for two (RFC 6455 section 5.5.3), unless it is to be a close.
func (c *conn) say(opcode byte, payload []byte) {
	if len(c.word) == 0 || opcode == wire.Close {
		c.word = wire.AppendControl(c.word, opcode, payload)
	}
	c.send()
}

// data checks a piece of an echo. A gateway may cut a message into frames of its own choosing.
func (c *conn) data(p *wire.Piece) {
	t := &c.w.talk
	author := c
	if t.author != nil {
		author = t.author
	}
	opcode := byte(wire.Binary)
	if c.mid {
		opcode = wire.Continuation
	}
	unasked := c.got == author.sent && author.offset == 0 // a large message's echo may begin before its end is out
	if p.Masked || unasked || p.First && p.Opcode != opcode || !t.message.Matches(author.id, c.got, c.at, p.Data) {
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
	if c.at != t.message.Size {
		c.w.lose(c, FaultMismatch, errEcho)
		return
	}
	c.at = 0
	c.w.echoed(c)
	c.got++
}

// send writes the messages that are due, until the socket is full.
func (c *conn) send() {
	m := &c.w.talk.message
	if c.offset == 0 && len(c.word) > 0 {
		n, ok := c.write(c.word)
		if c.word = c.word[n:]; !ok || len(c.word) > 0 {
			return
		}
		c.word = nil
	}
	for c.due > 0 && c.leaving == staying {
		if c.offset == 0 {
			c.sentAt = now()
		}
		frame := m.Stamp(c.id, c.sent)
		n, ok := c.write(frame[c.offset:])
		if c.offset += n; !ok || c.offset < len(frame) {
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
