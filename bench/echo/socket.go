//go:build linux

package echo

import (
	"syscall"

	"weir/bench/epoll"
)

// protocol is what a connection speaks.
type protocol interface {
	// take appends to the room's out what b is answered with; false means that it was the last.
	take(b []byte) bool
}

// socket is a connection as bytes. Owned by the loop.
type socket struct {
	*room
	protocol
	fd      int
	ended   bool   // nothing more is read, and all that is left is to go out
	dead    bool   // the descriptor is given up
	pending []byte // what the kernel would not take
}

// Ready is called by the loop.
func (s *socket) Ready(ev epoll.Events) {
	if len(s.pending) > 0 && ev.Writable() {
		s.pending = s.write(s.pending)
	}
	// Also after a flush: there is no second edge for bytes that arrived while the echo was stuck.
	for !s.dead && !s.ended && len(s.pending) == 0 {
		n, errno := epoll.Read(s.fd, s.in)
		if errno == syscall.EAGAIN {
			return
		}
		if n == 0 {
			// A gateway that ends first, orderly, would be left with its port in TIME_WAIT, and a storm of those
			// would measure how the kernel searches for ports.
			epoll.ResetOnClose(s.fd)
			s.close()
			return
		}
		s.out = s.out[:0]
		s.ended = !s.take(s.in[:n])
		s.pending = append(s.pending, s.write(s.out)...)
		s.publish()
		if n < len(s.in) && !ev.Ending() {
			return
		}
	}
}

// write gives back what the kernel would not take of b.
func (s *socket) write(b []byte) (rest []byte) {
	for len(b) > 0 {
		n, errno := epoll.Write(s.fd, b)
		if errno == syscall.EAGAIN {
			return b
		}
		if errno != 0 {
			s.close()
			return nil
		}
		b = b[n:]
	}
	if s.ended {
		s.close()
	}
	return nil
}

// maxHeld is the most that is held for one that does not read what others say; past it, it is dropped.
const maxHeld = 4 << 20

// send writes b behind what waits.
func (s *socket) send(b []byte) {
	if len(s.pending) == 0 {
		b = s.write(b)
	}
	if s.pending = append(s.pending, b...); len(s.pending) > maxHeld {
		epoll.ResetOnClose(s.fd) // or the kernel would hold on to what is not read
		s.close()
	}
}

func (s *socket) close() {
	if !s.dead {
		s.dead = true
		delete(s.audience, s)
		s.loop.Close(s.fd)
	}
}
