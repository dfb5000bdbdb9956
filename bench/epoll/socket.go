//go:build linux

package epoll

import (
	"fmt"
	"net/netip"
	"syscall"
	"unsafe"
)

// Read and Write go to the kernel without telling Go's scheduler: on a non-blocking descriptor
// they never sleep, and the entry and exit would cost more than the rest of the loop.

// Read reads into b, which must not be empty; 0 with no error is the end of the stream.
func Read(fd int, b []byte) (int, syscall.Errno) {
	return transfer(syscall.SYS_READ, fd, b)
}

// Write writes what fits of b, which must not be empty.
func Write(fd int, b []byte) (int, syscall.Errno) {
	return transfer(syscall.SYS_WRITE, fd, b)
}

func transfer(call uintptr, fd int, b []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		if errno == 0 {
			return int(n), 0
		}
		if errno != syscall.EINTR {
			return 0, errno
		}
	}
}

// Listen opens a non-blocking listening socket and says which address it got.
func Listen(addr netip.AddrPort) (fd int, bound netip.AddrPort, err error) {
	fd, err = socket(addr.Addr())
	if err != nil {
		return -1, bound, err
	}
	if err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err == nil {
		err = syscall.Bind(fd, sockaddr(addr))
	}
	if err == nil {
		err = syscall.Listen(fd, 4096)
	}
	if err != nil {
		syscall.Close(fd)
		return -1, bound, fmt.Errorf("listen on %s: %w", addr, err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		syscall.Close(fd)
		return -1, bound, fmt.Errorf("getsockname: %w", err)
	}
	return fd, netip.AddrPortFrom(addr.Addr(), port(name)), nil
}

// Accept takes one connection, non-blocking and with TCP_NODELAY; EAGAIN when none waits.
func Accept(listener int) (int, error) {
	fd, _, err := syscall.Accept4(listener, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
	if err != nil {
		return -1, err
	}
	noDelay(fd)
	return fd, nil
}

// Connect begins a connection to addr, from source if that is valid; writability tells its end.
func Connect(addr netip.AddrPort, source netip.Addr) (int, error) {
	fd, err := socket(addr.Addr())
	if err != nil {
		return -1, err
	}
	noDelay(fd)
	if source.IsValid() {
		// The port is chosen at connect, when the kernel knows the whole four-tuple.
		const bindAddressNoPort = 24
		syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, bindAddressNoPort, 1)
		if err := syscall.Bind(fd, sockaddr(netip.AddrPortFrom(source, 0))); err != nil {
			syscall.Close(fd)
			return -1, fmt.Errorf("bind to %s: %w", source, err)
		}
	}
	if err := syscall.Connect(fd, sockaddr(addr)); err != nil && err != syscall.EINPROGRESS {
		syscall.Close(fd)
		return -1, fmt.Errorf("connect to %s: %w", addr, err)
	}
	return fd, nil
}

// Failure is the error of a connect that has ended, or nil.
func Failure(fd int) error {
	n, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ERROR)
	if err != nil {
		return err
	}
	if n != 0 {
		return syscall.Errno(n)
	}
	return nil
}

// ResetOnClose makes the close of fd send RST, which leaves no port behind in TIME_WAIT.
func ResetOnClose(fd int) {
	syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
}

// PreciseTimers lets the calling thread's sleeps end on time instead of up to 50 us late, until undo is called.
// The caller must be locked to its thread and undo it before it is not: a process that Go starts from there would
// inherit the precision.
func PreciseTimers() (undo func()) {
	slack := func(ns uintptr) {
		const setTimerSlack = 29
		syscall.RawSyscall(syscall.SYS_PRCTL, setTimerSlack, ns, 0)
	}
	slack(1)
	return func() { slack(0) } // which is the thread's default
}

func socket(a netip.Addr) (int, error) {
	family := syscall.AF_INET6
	if a.Is4() {
		family = syscall.AF_INET
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	return fd, nil
}

func noDelay(fd int) { syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1) }

func sockaddr(a netip.AddrPort) syscall.Sockaddr {
	if a.Addr().Is4() {
		return &syscall.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	return &syscall.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}

func port(sa syscall.Sockaddr) uint16 {
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return uint16(sa.Port)
	case *syscall.SockaddrInet6:
		return uint16(sa.Port)
	}
	return 0
}
