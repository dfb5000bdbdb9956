package upstream

import (
	"errors"
	"net"
	"syscall"

	"weir/codec/http1"
	"weir/netpoll"
)

// Exhausted tells whether a connect to addr failed since this machine has no socket, no memory or no port left, so that
// err says nothing of the endpoint: what to refuse the request with then, else nil.
func Exhausted(err error, addr netpoll.Addr) *http1.Refusal {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return nil
	}
	switch errno {
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ENOSPC: // the last is epoll's
		return RefusedSockets
	case syscall.EADDRNOTAVAIL:
		if hasSource(addr) {
			return RefusedPorts
		}
	}
	return nil
}

// hasSource tells whether this machine has an address to reach addr from. Without one the error is the same as without a
// port, but lasts. A datagram socket takes a port from others than TCP does, and sends nothing by connecting.
func hasSource(addr netpoll.Addr) bool {
	conn, err := net.Dial("udp", addr.String())
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
