//go:build linux

package echo

import (
	"net/netip"
	"syscall"

	"weir/bench/epoll"
)

const readBuffer = 256 << 10

// Serve listens on addr for WebSockets of one connection each. The server begins when its Run is called.
func Serve(addr netip.AddrPort) (*epoll.Server, error) {
	return serve(addr, func(s *socket) protocol { return &upgrade{socket: s} })
}

// ServeH2C listens on addr for HTTP/2 connections of up to maxStreams WebSockets each.
func ServeH2C(addr netip.AddrPort, maxStreams uint32) (*epoll.Server, error) {
	return serve(addr, func(s *socket) protocol { return newMux(s, maxStreams) })
}

func serve(addr netip.AddrPort, speak func(*socket) protocol) (*epoll.Server, error) {
	r := &room{in: make([]byte, readBuffer)}
	server, err := epoll.Serve(addr, func(fd int) {
		s := &socket{room: r, fd: fd}
		s.protocol = speak(s)
		if r.loop.Add(fd, s) != nil {
			syscall.Close(fd)
		}
	})
	if err == nil {
		r.loop = server.Loop
	}
	return server, err
}

// room is what the connections of one loop share.
type room struct {
	loop    *epoll.Loop
	in, out []byte
	echoes  []byte // of one piece of DATA, before they are framed
	hall
}
