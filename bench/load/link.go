//go:build linux

package load

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"weir/bench/epoll"
)

// link is the TLS side of one client: crypto/tls between the client and its socket. The handshake
// blocks a goroutine; from then on the loop drives it, and owns all of it.
type link struct {
	conn  *tls.Conn
	fd    int
	file  *os.File // the socket once more, for the handshake's goroutine; nil afterwards
	out   []byte   // ciphertext that the socket would not take yet
	empty bool     // the socket was read empty: asking again is in vain until its next edge
	last  bool     // no further edge comes
}

// newLink prepares the handshake of a connected socket.
func newLink(fd int, config *tls.Config, patience time.Duration) (*link, error) {
	// A second descriptor, because closing a File closes its descriptor.
	twin, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return nil, os.NewSyscallError("fcntl", errno)
	}
	l := &link{fd: fd, file: os.NewFile(twin, "socket")}
	if err := l.file.SetDeadline(time.Now().Add(patience)); err != nil {
		l.file.Close()
		return nil, err
	}
	l.conn = tls.Client((*socket)(l), config)
	return l, nil
}

// abandon ends the handshake's goroutine.
func (l *link) abandon() { l.file.SetDeadline(time.Unix(0, 1)) }

// readable notes that the socket may be read again.
func (l *link) readable(ending bool) { l.empty, l.last = false, ending }

// get reads plaintext; EAGAIN until a record is whole, 0 with no error at the end.
func (l *link) get(b []byte) (int, error) {
	n, err := l.conn.Read(b)
	switch {
	case n > 0, err == io.EOF:
		return n, nil
	case errors.Is(err, syscall.EAGAIN):
		return 0, syscall.EAGAIN
	}
	return 0, err
}

// record is the most that is encrypted at once.
const record = 16 << 10

// put encrypts what it takes of b, once the socket has taken all that was encrypted before.
func (l *link) put(b []byte) (int, error) {
	if err := l.flush(); err != nil {
		return 0, err
	}
	return l.conn.Write(b[:min(len(b), record)])
}

// flush writes what waits; EAGAIN if some still does.
func (l *link) flush() error {
	for len(l.out) > 0 {
		n, errno := epoll.Write(l.fd, l.out)
		if errno != 0 {
			return errno
		}
		l.out = l.out[n:]
	}
	l.out = nil
	return nil
}

// socket is what crypto/tls sees of a link's socket.
type socket link

func (s *socket) Read(b []byte) (int, error) {
	switch {
	case s.file != nil:
		return s.file.Read(b)
	case s.empty:
		return 0, again{}
	}
	n, errno := epoll.Read(s.fd, b)
	switch {
	case errno == syscall.EAGAIN:
		return 0, again{}
	case errno != 0:
		return 0, errno
	case n == 0:
		return 0, io.EOF
	}
	s.empty = n < len(b) && !s.last
	return n, nil
}

// Write takes everything: a record cut short could not be sent again.
func (s *socket) Write(b []byte) (int, error) {
	if s.file != nil {
		return s.file.Write(b)
	}
	s.out = append(s.out, b...)
	if err := (*link)(s).flush(); err != nil && err != syscall.EAGAIN {
		return 0, err
	}
	return len(b), nil
}

func (s *socket) Close() error                     { return nil }
func (s *socket) LocalAddr() net.Addr              { return nil }
func (s *socket) RemoteAddr() net.Addr             { return nil }
func (s *socket) SetDeadline(time.Time) error      { return nil }
func (s *socket) SetReadDeadline(time.Time) error  { return nil }
func (s *socket) SetWriteDeadline(time.Time) error { return nil }

// again says that no bytes are there. crypto/tls keeps what it has of a record and may be called
// again after an error only if it is a net.Error and temporary.
type again struct{}

func (again) Error() string   { return syscall.EAGAIN.Error() }
func (again) Timeout() bool   { return false }
func (again) Temporary() bool { return true }
func (again) Unwrap() error   { return syscall.EAGAIN }
