//go:build darwin || freebsd

package netpoll

import (
	"net/netip"
	"os"

	gnetsocket "github.com/panjf2000/gnet/v2/pkg/socket"
	"golang.org/x/sys/unix"
)

func number(err error) unix.Errno {
	if err == nil {
		return 0
	}
	if errno, ok := err.(unix.Errno); ok {
		return errno
	}
	return unix.EIO
}

func sysRead(fd int, b []byte) (int, unix.Errno) {
	n, err := unix.Read(fd, b)
	return max(0, n), number(err)
}

func sysPeek(fd int) (int, unix.Errno) {
	var b [1]byte
	n, _, err := unix.Recvfrom(fd, b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	if n == 0 && err == nil {
		return 0, socketError(fd)
	}
	return max(0, n), number(err)
}

func sysWrite(fd int, b []byte) (int, unix.Errno) {
	n, err := unix.Write(fd, b)
	return max(0, n), number(err)
}

// sysWritev sends one piece after the other: x/sys has no writev for every BSD.
func sysWritev(fd int, _ *[2]unix.Iovec, a, b []byte) (int, unix.Errno) {
	n, errno := sysWrite(fd, a)
	if errno != 0 || n < len(a) {
		return n, errno
	}
	m, errno := sysWrite(fd, b)
	if m == 0 && errno == unix.EAGAIN {
		errno = 0 // a short write, as writev would have answered
	}
	return n + m, errno
}

// sysUnacked cannot tell: there is no such question common to the BSDs.
func sysUnacked(int) int { return 1 }

func sysReset(fd int) {
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
}

func setOption(fd, level, option, value int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, level, option, value))
}

func sysConnect(fd int, sa unix.Sockaddr) error { return unix.Connect(fd, sa) }

func sysAccept(fd int) (int, netip.AddrPort, unix.Errno) {
	n, sa, err := gnetsocket.Accept(fd)
	if err != nil {
		if call, ok := err.(*os.SyscallError); ok {
			err = call.Err
		}
		return -1, netip.AddrPort{}, number(err)
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return n, netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)), 0
	case *unix.SockaddrInet6:
		return n, netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port)), 0
	}
	return n, netip.AddrPort{}, 0
}

func sysClose(fd int) { _ = unix.Close(fd) }

func newSocket(family int) (int, error) {
	fd, err := unix.Socket(family, unix.SOCK_STREAM, 0)
	if err != nil {
		return -1, err
	}
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func sysConnected(fd int) unix.Errno {
	if errno := socketError(fd); errno != 0 {
		return errno
	}
	if _, err := unix.Getpeername(fd); err != nil {
		return unix.EALREADY
	}
	return 0
}

func sysGone(int) bool { return false }
