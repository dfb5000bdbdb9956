package netpoll

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"

	gnetsocket "github.com/panjf2000/gnet/v2/pkg/socket"
	"golang.org/x/sys/unix"
)

// apply sets the options that hold for listeners (whose sockets inherit them) and outgoing connections from the start.
func (o SocketOptions) apply(fd int) error {
	if o.NoDelay {
		if err := setOption(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			return err
		}
	}
	return o.applyOS(fd)
}

func sysDial(addr Addr, o SocketOptions) (int, error) {
	family, sa := sockaddr(addr)
	fd, err := newSocket(family)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if family != unix.AF_UNIX {
		err = o.apply(fd)
	}
	if err == nil {
		if err = sysConnect(fd, sa); err == unix.EINPROGRESS {
			err = nil
		}
		err = os.NewSyscallError("connect", err)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func sysListen(addr Addr, o SocketOptions) (int, Addr, error) {
	if addr.Path != "" {
		if err := removeStale(addr.Path); err != nil {
			return -1, Addr{}, err
		}
	}
	family, sa := sockaddr(addr)
	fd, err := newSocket(family)
	if err != nil {
		return -1, Addr{}, os.NewSyscallError("socket", err)
	}
	if family != unix.AF_UNIX {
		err = o.prepare(fd, family)
	}
	if err == nil {
		err = os.NewSyscallError("bind", unix.Bind(fd, sa))
	}
	if err == nil {
		err = o.listen(fd)
	}
	if err == nil && addr.Path == "" {
		addr, err = boundTo(fd, addr)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, Addr{}, err
	}
	return fd, addr, nil
}

// removeStale takes away the file of a unix socket that nobody listens on any more, as a crash leaves it.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return nil // mostly: there is none
	}
	if info.Mode()&os.ModeSocket == 0 {
		return fmt.Errorf("%s is there already and is no socket", path)
	}
	fd, err := sysDial(Unix(path), SocketOptions{})
	switch {
	case err == nil:
		_ = unix.Close(fd)
		return fmt.Errorf("another process listens on %s", path)
	case !errors.Is(err, unix.ECONNREFUSED): // EAGAIN: somebody listens, and is busy
		return fmt.Errorf("%s is there already, and whether somebody listens on it is not known: %w", path, err)
	}
	return os.Remove(path)
}

// prepare sets what must be set before bind.
func (o SocketOptions) prepare(fd, family int) error {
	err := gnetsocket.SetReuseAddr(fd, 1)
	if err == nil {
		err = gnetsocket.SetReuseport(fd, 1)
	}
	if err == nil && family == unix.AF_INET6 { // "[::]" serves IPv4 as well, as users of net.Listen expect
		err = gnetsocket.SetIPv6Only(fd, 0)
	}
	if err == nil {
		err = o.apply(fd)
	}
	if err == nil {
		err = o.applyListener(fd)
	}
	return err
}

func (o SocketOptions) listen(fd int) error {
	backlog := o.Backlog
	if backlog == 0 {
		backlog = math.MaxInt32 // the kernel cuts it to its own maximum
	}
	return os.NewSyscallError("listen", unix.Listen(fd, backlog))
}

// boundTo is addr with the port that the kernel chose where none was given.
func boundTo(fd int, addr Addr) (Addr, error) {
	name, err := unix.Getsockname(fd)
	port := addr.Port()
	switch name := name.(type) {
	case *unix.SockaddrInet4:
		port = uint16(name.Port)
	case *unix.SockaddrInet6:
		port = uint16(name.Port)
	}
	return IP(netip.AddrPortFrom(addr.Addr(), port)), os.NewSyscallError("getsockname", err)
}
