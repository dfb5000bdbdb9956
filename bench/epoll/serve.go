//go:build linux

package epoll

import (
	"context"
	"net/netip"
	"runtime"
	"syscall"
)

// Server is one listener and its connections on one loop.
type Server struct {
	Loop *Loop
	Addr netip.AddrPort // where it listens, the port filled in

	listener int
	accepted func(fd int)
}

// Serve listens on addr; accepted is called on the loop with each new connection and owns it.
func Serve(addr netip.AddrPort, accepted func(fd int)) (*Server, error) {
	loop, err := New()
	if err != nil {
		return nil, err
	}
	fd, bound, err := Listen(addr)
	if err != nil {
		loop.Free()
		return nil, err
	}
	s := &Server{Loop: loop, Addr: bound, listener: fd, accepted: accepted}
	if err := loop.Add(fd, s); err != nil {
		syscall.Close(fd)
		loop.Free()
		return nil, err
	}
	return s, nil
}

// Run turns the loop on a thread of its own until ctx ends, then closes everything.
func (s *Server) Run(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer s.Loop.Free()
	defer context.AfterFunc(ctx, s.Loop.Wake)()
	for ctx.Err() == nil {
		if err := s.Loop.Wait(-1); err != nil {
			return err
		}
	}
	return nil
}

// Ready accepts until nobody waits. When descriptors run out, the next client's edge tries again.
func (s *Server) Ready(Events) {
	for {
		fd, err := Accept(s.listener)
		switch err {
		case nil:
			s.accepted(fd)
		case syscall.EINTR, syscall.ECONNABORTED:
		default:
			return
		}
	}
}
