package netpoll

import (
	"net"
	"net/netip"
	"strconv"
	"time"

	gnetpoll "github.com/panjf2000/gnet/v2/pkg/netpoll"
	"golang.org/x/sys/unix"
)

// SocketOptions are set on every socket of a loop. On Linux and the BSDs an accepted socket inherits those
// of its listener, so accepting costs no calls for them. Only KeepAlive waits until a connection has lasted, see probes.
type SocketOptions struct {
	NoDelay     bool
	KeepAlive   time.Duration // silence before the first TCP keep-alive probe, or up to half as much more; 0: off
	Probed      int           // connections of a loop that are probed at most
	UserTimeout time.Duration // Linux TCP_USER_TIMEOUT; 0: the kernel's default
	NotSent     int           // Linux TCP_NOTSENT_LOWAT of accepted sockets: bytes that the kernel takes without sending; 0: what its buffer holds
	DeferAccept time.Duration // Linux TCP_DEFER_ACCEPT; 0: off
	Backlog     int           // 0: the kernel's maximum
}

// calls are the system calls of a loop, kept behind fields so that tests can make them fall short.
// They never block. Counts are of bytes; an error is an errno, 0 for none.
type calls struct {
	read      func(fd int, b []byte) (int, unix.Errno)
	peek      func(fd int) (int, unix.Errno) // how many bytes, 0 or 1, can be read; at the end, what ended it
	gone      func(fd int) bool              // the peer takes no more, unless we have shut that direction down
	write     func(fd int, b []byte) (int, unix.Errno)
	writev    func(fd int, iov *[2]unix.Iovec, a, b []byte) (int, unix.Errno)
	shutdown  func(fd int) // of the sending direction
	close     func(fd int)
	unacked   func(fd int) int // bytes sent that the peer has not acknowledged
	reset     func(fd int)     // makes close reset the connection
	accept    func(fd int) (int, netip.AddrPort, unix.Errno)
	dial      func(addr Addr, o SocketOptions) (int, error) // begins to connect
	connected func(fd int) unix.Errno                       // how that went: 0, EALREADY, or why not
	watch     func(p *gnetpoll.Poller, fd int) error        // asks for writable events as well
}

var systemCalls = calls{
	read: sysRead, peek: sysPeek, gone: sysGone, write: sysWrite, writev: sysWritev,
	shutdown: func(fd int) { _ = unix.Shutdown(fd, unix.SHUT_WR) },
	close:    sysClose,
	unacked:  sysUnacked,
	reset:    sysReset,
	accept:   sysAccept, dial: sysDial, connected: sysConnected,
	watch: func(p *gnetpoll.Poller, fd int) error {
		return p.ModReadWrite(&gnetpoll.PollAttachment{FD: fd}, true)
	},
}

// socketError is what ended a socket whose reads only answer 0: past the peer's FIN they do not tell of a reset.
func socketError(fd int) unix.Errno {
	errno, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return unix.EIO
	}
	return unix.Errno(errno)
}

func sockaddr(addr Addr) (family int, sa unix.Sockaddr) {
	if addr.Path != "" {
		return unix.AF_UNIX, &unix.SockaddrUnix{Name: addr.Path}
	}
	ip := addr.Addr()
	if ip.Is4() || ip.Is4In6() {
		return unix.AF_INET, &unix.SockaddrInet4{Addr: ip.As4(), Port: int(addr.Port())}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Addr: ip.As16(), Port: int(addr.Port()), ZoneId: zone(ip)}
}

// zone is the number of an IPv6 zone, which may be given as that or as an interface's name; 0 if there is none such.
func zone(ip netip.Addr) uint32 {
	if n, err := strconv.ParseUint(ip.Zone(), 10, 32); err == nil {
		return uint32(n)
	}
	if i, err := net.InterfaceByName(ip.Zone()); err == nil {
		return uint32(i.Index)
	}
	return 0
}
