package netpoll

import (
	gnetpoll "github.com/panjf2000/gnet/v2/pkg/netpoll"
	"golang.org/x/sys/unix"
)

func canRead(ev gnetpoll.IOEvent, _ gnetpoll.IOFlags) bool  { return ev&gnetpoll.ReadEvents != 0 }
func canWrite(ev gnetpoll.IOEvent, _ gnetpoll.IOFlags) bool { return ev&gnetpoll.WriteEvents != 0 }

// peerClosed counts urgent data in: a read ends short at its mark too, with more bytes behind it.
func peerClosed(ev gnetpoll.IOEvent, _ gnetpoll.IOFlags) bool {
	return ev&(unix.EPOLLRDHUP|unix.EPOLLPRI|gnetpoll.ErrEvents) != 0
}

// peerLeft is said of a TCP connection, too, once both directions have ended.
func peerLeft(ev gnetpoll.IOEvent, _ gnetpoll.IOFlags) bool { return ev&unix.EPOLLHUP != 0 }

// wakeup is a descriptor that the loop makes ready for itself. Edge-triggered, an eventfd need not be read:
// every write of it is a new edge.
type wakeup struct{ event int }

func (w *wakeup) open() (err error) {
	w.event, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	return err
}

func (w *wakeup) fd() int { return w.event }

func (w *wakeup) signal() {
	one := [8]byte{1}
	sysWriteFile(w.event, one[:])
}

func (w *wakeup) drain() {}

// atEndOfBatch has nothing to do: poll knows where a batch ends.
func (w *wakeup) atEndOfBatch() {}

func (w *wakeup) close() { _ = unix.Close(w.event) }

func newSocket(family int) (int, error) {
	fd, _, errno := unix.RawSyscall(unix.SYS_SOCKET, uintptr(family), unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

func (o SocketOptions) applyOS(fd int) error {
	if ms := int(o.UserTimeout.Milliseconds()); ms > 0 {
		return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, ms)
	}
	return nil
}

func limitNotSent(fd, bytes int) error {
	return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, bytes)
}

// applyListener sets what accepted sockets inherit and outgoing connections do not get.
func (o SocketOptions) applyListener(fd int) error {
	if o.NotSent > 0 {
		if err := limitNotSent(fd, o.NotSent); err != nil {
			return err
		}
	}
	if secs := int(o.DeferAccept.Seconds()); secs > 0 {
		return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, secs)
	}
	return nil
}
