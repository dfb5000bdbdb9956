package netpoll

import (
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// These calls are raw: they enter the kernel without telling Go's scheduler. That is right for calls on
// sockets that never block, and it is what makes a loop in Go cost no more than one in C.

func sysRead(fd int, b []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	return max(0, int(n)), errno
}

func sysPeek(fd int) (int, unix.Errno) {
	var b [1]byte
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&b)), 1,
		unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
	if n == 0 && errno == 0 {
		return 0, socketError(fd)
	}
	return max(0, int(n)), errno
}

// sysGone asks anew, since an event may have been meant for another socket.
func sysGone(fd int) bool {
	polled := []unix.PollFd{{Fd: int32(fd)}}
	n, err := unix.Poll(polled, 0)
	return err == nil && n > 0 && polled[0].Revents&unix.POLLHUP != 0
}

func sysWrite(fd int, b []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_NOSIGNAL, 0, 0)
	return max(0, int(n)), errno
}

// sysClose does not wait: sockets here linger for no time.
func sysClose(fd int) { _, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

// sysUnacked counts what is not known to have arrived. Where the kernel cannot tell, that is something.
func sysUnacked(fd int) int {
	n := int32(0)
	if _, _, errno := unix.RawSyscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCOUTQ, uintptr(unsafe.Pointer(&n))); errno != 0 {
		return 1
	}
	return int(n)
}

// sysReset makes closing reset the connection. Of no TCP, closing leaves nothing behind.
func sysReset(fd int) {
	at := unix.Linger{Onoff: 1}
	_, _, _ = unix.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_LINGER, uintptr(unsafe.Pointer(&at)), unsafe.Sizeof(at), 0)
}

func setOption(fd, level, option, value int) error {
	v := int32(value)
	_, _, errno := unix.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(option), uintptr(unsafe.Pointer(&v)), unsafe.Sizeof(v), 0)
	if errno != 0 {
		return os.NewSyscallError("setsockopt", errno)
	}
	return nil
}

func sysConnect(fd int, sa unix.Sockaddr) error {
	var to unsafe.Pointer
	var size uintptr
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		raw := unix.RawSockaddrInet4{Family: unix.AF_INET, Port: ntohs(uint16(sa.Port)), Addr: sa.Addr}
		to, size = unsafe.Pointer(&raw), unsafe.Sizeof(raw)
	case *unix.SockaddrInet6:
		raw := unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: ntohs(uint16(sa.Port)), Addr: sa.Addr, Scope_id: sa.ZoneId}
		to, size = unsafe.Pointer(&raw), unsafe.Sizeof(raw)
	default:
		return unix.Connect(fd, sa)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(to), size); errno != 0 {
		return errno
	}
	return nil
}

// sysWriteFile is for descriptors that are no sockets.
func sysWriteFile(fd int, b []byte) {
	_, _, _ = unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
}

func sysWritev(fd int, iov *[2]unix.Iovec, a, b []byte) (int, unix.Errno) {
	iov[0].Base, iov[1].Base = unsafe.SliceData(a), unsafe.SliceData(b)
	iov[0].SetLen(len(a))
	iov[1].SetLen(len(b))
	n, _, errno := unix.RawSyscall(unix.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(iov)), 2)
	iov[0].Base, iov[1].Base = nil, nil
	return max(0, int(n)), errno
}

func sysAccept(fd int) (int, netip.AddrPort, unix.Errno) {
	var sa unix.RawSockaddrAny
	size := uint32(unix.SizeofSockaddrAny)
	n, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&sa)), uintptr(unsafe.Pointer(&size)),
		unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	if errno != 0 {
		return -1, netip.AddrPort{}, errno
	}
	return int(n), addrPort(&sa), 0
}

// addrPort reads a socket address without the allocation of unix.Sockaddr.
func addrPort(sa *unix.RawSockaddrAny) netip.AddrPort {
	switch sa.Addr.Family {
	case unix.AF_INET:
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(netip.AddrFrom4(in.Addr), ntohs(in.Port))
	case unix.AF_INET6:
		in := (*unix.RawSockaddrInet6)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(netip.AddrFrom16(in.Addr).Unmap(), ntohs(in.Port))
	}
	return netip.AddrPort{}
}

func ntohs(port uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(&port))
	return uint16(b[0])<<8 | uint16(b[1])
}

// sysConnected is asked once the socket is writable or broken. Were that event a mistake, writing would answer EAGAIN.
func sysConnected(fd int) unix.Errno {
	value, size := int32(0), uint32(4)
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_ERROR,
		uintptr(unsafe.Pointer(&value)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return errno
	}
	return unix.Errno(value)
}
