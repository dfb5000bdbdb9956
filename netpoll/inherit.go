package netpoll

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Listening sockets outlive processes: systemd opens them beforehand, and a process that is replaced passes its own on.
// Each end has a copy of the descriptor; the socket, with the clients that wait in its backlog, is the same.

// ListenOn makes the loop accept from a listening socket that was opened elsewhere, of which it takes a copy. With OwnFiles
// f has to be one of Options.Keep, and only the loop closes the copy that its table has. It must run on the loop (Do).
func (l *Loop) ListenOn(f *os.File, a Acceptor) (*Listener, error) {
	fd := int(f.Fd())
	addr, err := ListensOn(fd)
	if err == nil && !l.opts.OwnFiles {
		fd, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		err = os.NewSyscallError("fcntl", err)
	}
	if err != nil {
		return nil, err
	}
	err = os.NewSyscallError("fcntl", unix.SetNonblock(fd, true))
	if err == nil && addr.Path == "" {
		err = l.opts.Socket.apply(fd) // accepted sockets inherit what was set, whoever opened this one
	}
	if err != nil {
		l.sys.close(fd)
		return nil, err
	}
	return l.listenOn(&Listener{fd: fd, addr: addr, acceptor: a, shared: true})
}

// ListensOn is the address of a listening stream socket; an error for any other descriptor.
func ListensOn(fd int) (Addr, error) {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return Addr{}, os.NewSyscallError("getsockopt", err)
	}
	if listens, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err != nil || listens == 0 || kind != unix.SOCK_STREAM {
		return Addr{}, errors.New("not a listening stream socket")
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return Addr{}, os.NewSyscallError("getsockname", err)
	}
	switch name := name.(type) {
	case *unix.SockaddrInet4:
		return IP(netip.AddrPortFrom(netip.AddrFrom4(name.Addr), uint16(name.Port))), nil
	case *unix.SockaddrInet6:
		ip := netip.AddrFrom16(name.Addr)
		if name.ZoneId != 0 {
			ip = ip.WithZone(fmt.Sprint(name.ZoneId))
		}
		return IP(netip.AddrPortFrom(ip, uint16(name.Port))), nil
	case *unix.SockaddrUnix:
		return Unix(name.Name), nil
	}
	return Addr{}, fmt.Errorf("a socket of an unknown family (%T)", name)
}

// File is a copy of the listening descriptor in the process's file table, to be passed on. It must not be called from a loop.
func (ln *Listener) File() (*os.File, error) {
	var fd int
	var err error
	copied := func() {
		switch {
		case !ln.open:
			err = os.ErrClosed
		case ln.loop.opts.OwnFiles:
			err = ln.loop.outlet.send(ln.fd)
		default:
			fd, err = unix.FcntlInt(uintptr(ln.fd), unix.F_DUPFD_CLOEXEC, 0)
		}
	}
	if stopped := ln.loop.Do(copied); stopped != nil {
		return nil, stopped
	}
	if err == nil && ln.loop.opts.OwnFiles {
		fd, err = ln.loop.outlet.receive()
	}
	if err != nil {
		return nil, fmt.Errorf("listener on %s: %w", ln.addr, err)
	}
	return os.NewFile(uintptr(fd), ln.addr.String()), nil
}

// FileOf is a copy of the descriptor of one of package net's listeners, to be passed on. The listener's own File would make
// both blocking, and with that keep the listener from being closed.
func FileOf(ln syscall.Conn) (f *os.File, err error) {
	raw, err := ln.SyscallConn()
	if err != nil {
		return nil, err
	}
	err2 := raw.Control(func(fd uintptr) {
		n, dup := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
		if err = os.NewSyscallError("fcntl", dup); err == nil {
			f = os.NewFile(uintptr(n), "listener")
		}
	})
	return f, errors.Join(err, err2)
}

// Leave stops accepting, and leaves the socket, its backlog and its path to whoever else has a copy of the descriptor.
func (ln *Listener) Leave() {
	if !ln.open {
		return
	}
	ln.open = false
	ln.loop.Cancel(&ln.rest)
	delete(ln.loop.listen, ln.fd)
	_ = ln.loop.poller.Delete(ln.fd) // closing is not enough for the poller, as the socket lives on
	ln.loop.sys.close(ln.fd)
}
