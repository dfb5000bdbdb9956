//go:build linux

package echo

import (
	"net/netip"
	"syscall"

	"weir/bench/epoll"
	"weir/bench/wire"
)

const readBuffer = 256 << 10

// Serve listens on addr. The server begins when its Run is called.
func Serve(addr netip.AddrPort) (*epoll.Server, error) {
	r := &room{in: make([]byte, readBuffer)}
	server, err := epoll.Serve(addr, r.accepted)
	if err == nil {
		r.loop = server.Loop
	}
	return server, err
}

// room is what the connections of one loop share.
type room struct {
	loop    *epoll.Loop
	in, out []byte
}

func (r *room) accepted(fd int) {
	c := &conn{room: r, fd: fd}
	if r.loop.Add(fd, c) != nil {
		syscall.Close(fd)
	}
}

type conn struct {
	*room
	fd      int
	open    bool   // upgraded
	ended   bool   // a close frame was answered: nothing more is read
	dead    bool   // the descriptor is given up
	head    []byte // of the request, until it is whole
	pending []byte // echoes that the socket would not take
	scan    wire.Scanner
}

// Ready is called by the loop.
func (c *conn) Ready(ev epoll.Events) {
	if len(c.pending) > 0 && ev.Writable() {
		c.flush()
	}
	// Also after a flush: there is no second edge for bytes that arrived while the echo was stuck.
	for !c.dead && !c.ended && len(c.pending) == 0 {
		n, errno := epoll.Read(c.fd, c.in)
		if errno == syscall.EAGAIN {
			return
		}
		if n == 0 || !c.take(c.in[:n]) {
			c.close()
			return
		}
		if n < len(c.in) && !ev.Ending() {
			return
		}
	}
}

// take echoes what b asks for; false means that the connection is to be closed.
func (c *conn) take(b []byte) bool {
	c.out = c.out[:0]
	ok := true
	if c.open {
		ok = c.frames(b)
	} else {
		ok = c.request(b)
	}
	return c.send() && ok
}

func (c *conn) request(b []byte) bool {
	c.head = append(c.head, b...)
	n, err := wire.CutHead(c.head)
	if n == 0 {
		return err == nil
	}
	if c.out, err = wire.AppendAnswer(c.out, c.head[:n]); err != nil {
		c.out = append(c.out, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"...)
		return false
	}
	rest := c.head[n:]
	c.head, c.open = nil, true
	return c.frames(rest)
}

func (c *conn) frames(b []byte) bool {
	for len(b) > 0 && !c.ended {
		p, n, ok, err := c.scan.Next(b)
		if err != nil || ok && !p.Masked {
			return false
		}
		b = b[n:]
		if ok {
			c.echo(&p)
		}
	}
	return true
}

func (c *conn) echo(p *wire.Piece) {
	switch p.Opcode {
	case wire.Pong:
		return
	case wire.Ping:
		p.Opcode = wire.Pong
	case wire.Close:
		c.ended = p.Last
	}
	if p.First {
		c.out = wire.AppendHeader(c.out, wire.Header{Fin: p.Fin, Opcode: p.Opcode, Length: p.Length})
	}
	wire.Mask(p.Data, p.Mask, p.Offset)
	c.out = append(c.out, p.Data...)
}

// send writes the loop's buffer; what does not go out becomes the connection's own.
func (c *conn) send() bool {
	for sent := 0; sent < len(c.out); {
		n, errno := epoll.Write(c.fd, c.out[sent:])
		if errno == syscall.EAGAIN {
			c.pending = append(c.pending, c.out[sent:]...)
			return true
		}
		if errno != 0 {
			return false
		}
		sent += n
	}
	return !c.ended
}

func (c *conn) flush() {
	for len(c.pending) > 0 {
		n, errno := epoll.Write(c.fd, c.pending)
		if errno == syscall.EAGAIN {
			return
		}
		if errno != 0 {
			c.close()
			return
		}
		c.pending = c.pending[n:]
	}
	c.pending = nil
	if c.ended {
		c.close()
	}
}

func (c *conn) close() {
	if !c.dead {
		c.dead = true
		c.loop.Close(c.fd)
	}
}
