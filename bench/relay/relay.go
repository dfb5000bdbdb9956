//go:build linux

package relay

import (
	"net/netip"
	"syscall"

	"weir/bench/epoll"
)

const readBuffer = 64 << 10

// Serve listens on addr and relays to backend. The server begins when its Run is called.
func Serve(addr, backend netip.AddrPort) (*epoll.Server, error) {
	r := &room{backend: backend, buf: make([]byte, readBuffer)}
	server, err := epoll.Serve(addr, r.accepted)
	if err == nil {
		r.loop = server.Loop
	}
	return server, err
}

type room struct {
	backend netip.AddrPort
	loop    *epoll.Loop
	buf     []byte
}

func (r *room) accepted(client int) {
	backend, err := epoll.Connect(r.backend, netip.Addr{})
	if err != nil {
		syscall.Close(client)
		return
	}
	a, b := &half{room: r, fd: client}, &half{room: r, fd: backend}
	a.peer, b.peer = b, a
	if r.loop.Add(client, a) != nil {
		syscall.Close(client)
		syscall.Close(backend)
		return
	}
	if r.loop.Add(backend, b) != nil {
		syscall.Close(backend)
		r.loop.Close(client)
	}
}

// half is one socket of a pair.
type half struct {
	*room
	fd      int
	peer    *half
	pending []byte // read from the peer, not yet taken by this socket
	ending  bool   // the other side has sent its last byte
	ended   bool   // and it was read
	dead    bool
}

// Ready is called by the loop.
func (h *half) Ready(ev epoll.Events) {
	h.ending = h.ending || ev.Ending()
	if ev.Writable() && len(h.pending) > 0 && h.flush() {
		h.peer.pump() // it was paused: no edge will tell of what it holds
	}
	if ev.Readable() && !h.dead {
		h.pump()
	}
}

// pump moves bytes from this socket to its peer until one of them has had enough.
func (h *half) pump() {
	for len(h.peer.pending) == 0 && !h.ended && !h.dead {
		n, errno := epoll.Read(h.fd, h.buf)
		switch {
		case errno == syscall.EAGAIN:
			return
		case errno != 0:
			h.close()
			return
		case n == 0:
			h.ended = true
			h.peer.finish()
			return
		}
		h.peer.write(h.buf[:n])
		if n < len(h.buf) && !h.ending {
			return
		}
	}
}

func (h *half) write(b []byte) {
	for len(b) > 0 {
		n, errno := epoll.Write(h.fd, b)
		if errno == syscall.EAGAIN {
			h.pending = append(h.pending, b...)
			return
		}
		if errno != 0 {
			h.close()
			return
		}
		b = b[n:]
	}
}

// flush writes what waits; true means that nothing waits any more.
func (h *half) flush() bool {
	b := h.pending
	h.pending = nil
	h.write(b)
	if len(h.pending) > 0 || h.dead {
		return false
	}
	if h.peer.ended {
		h.finish()
	}
	return true
}

// finish passes the peer's end on, once nothing waits before it.
func (h *half) finish() {
	switch {
	case len(h.pending) > 0 || h.dead:
	case h.ended:
		h.close()
	default:
		syscall.Shutdown(h.fd, syscall.SHUT_WR)
	}
}

// close gives up both sockets.
func (h *half) close() {
	for _, s := range []*half{h, h.peer} {
		if !s.dead {
			s.dead = true
			s.loop.Close(s.fd)
		}
	}
}
