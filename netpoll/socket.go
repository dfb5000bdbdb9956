package netpoll

import (
	"math"
	"net/netip"
	"os"

	gnetsocket "github.com/panjf2000/gnet/v2/pkg/socket"
	"golang.org/x/sys/unix"
)

// apply sets the options that hold for listeners (whose sockets inherit them) and outgoing connections.
func (o SocketOptions) apply(fd int) error {
	if o.NoDelay {
		if err := gnetsocket.SetNoDelay(fd, 1); err != nil {
			return err
		}
	}
	if secs := int(o.KeepAlive.Seconds()); secs > 0 {
		if err := gnetsocket.SetKeepAlive(fd, true, secs, max(1, secs/3), 3); err != nil {
			return err
		}
	}
	return o.applyOS(fd)
}

func sysListen(addr netip.AddrPort, o SocketOptions) (int, netip.AddrPort, error) {
	family, sa := sockaddr(addr)
	fd, err := newSocket(family)
	if err != nil {
		return -1, netip.AddrPort{}, os.NewSyscallError("socket", err)
	}
	bound, err := bind(fd, family, sa, o)
	if err != nil {
		_ = unix.Close(fd)
		return -1, netip.AddrPort{}, err
	}
	return fd, netip.AddrPortFrom(addr.Addr(), bound), nil
}

func bind(fd, family int, sa unix.Sockaddr, o SocketOptions) (port uint16, err error) {
	if err = gnetsocket.SetReuseAddr(fd, 1); err != nil {
		return 0, err
	}
	if err = gnetsocket.SetReuseport(fd, 1); err != nil {
		return 0, err
	}
	if family == unix.AF_INET6 { // "[::]" serves IPv4 as well, as users of net.Listen expect
		if err = gnetsocket.SetIPv6Only(fd, 0); err != nil {
			return 0, err
		}
	}
	if err = o.apply(fd); err != nil {
		return 0, err
	}
	if err = unix.Bind(fd, sa); err != nil {
		return 0, os.NewSyscallError("bind", err)
	}
	backlog := o.Backlog
	if backlog == 0 {
		backlog = math.MaxInt32 // the kernel cuts it to its own maximum
	}
	if err = unix.Listen(fd, backlog); err != nil {
		return 0, os.NewSyscallError("listen", err)
	}
	if err = o.deferAccept(fd); err != nil {
		return 0, err
	}
	name, err := unix.Getsockname(fd)
	switch name := name.(type) {
	case *unix.SockaddrInet4:
		port = uint16(name.Port)
	case *unix.SockaddrInet6:
		port = uint16(name.Port)
	}
	return port, os.NewSyscallError("getsockname", err)
}
