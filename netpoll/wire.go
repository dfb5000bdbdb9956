package netpoll

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// ioError stands for a failure that has no number of its own.
const ioError = unix.EIO

// noData says that all ciphertext that has come is used up. Being temporary, it leaves a tls.Conn as it is.
type noData struct{}

func (noData) Error() string   { return "no data yet" }
func (noData) Timeout() bool   { return true }
func (noData) Temporary() bool { return true }

var errNoData net.Error = noData{}

// wire is the net.Conn under a tls.Conn. It waits where a goroutine drives the TLS, and never where the loop does.
type wire struct {
	s    *secure
	goes *goConn // a goroutine drives: the handshake, or after Detach
	rest []byte  // the loop drives: ciphertext that was read
}

func (w *wire) Read(b []byte) (int, error) {
	switch {
	case w.goes == nil:
	case w.s.ongoing != nil:
		return w.s.ongoing.read(b)
	default:
		return w.goes.Read(b)
	}
	if len(w.rest) == 0 {
		return 0, errNoData
	}
	n := copy(b, w.rest)
	w.rest = w.rest[n:]
	return n, nil
}

func (w *wire) Write(b []byte) (int, error) {
	if w.goes != nil {
		return w.goes.Write(b)
	}
	return len(b), w.s.send(b)
}

func (w *wire) Close() error {
	if w.goes != nil {
		return w.goes.Close()
	}
	return nil // the loop closes connections, not their TLS
}

func (w *wire) LocalAddr() net.Addr  { return noAddr }
func (w *wire) RemoteAddr() net.Addr { return noAddr }

// Deadlines mean nothing to the loop, whose calls never wait.
func (w *wire) SetDeadline(t time.Time) error {
	if w.goes != nil {
		return w.goes.SetDeadline(t)
	}
	return nil
}

func (w *wire) SetReadDeadline(t time.Time) error {
	if w.goes != nil {
		return w.goes.SetReadDeadline(t)
	}
	return nil
}

func (w *wire) SetWriteDeadline(t time.Time) error {
	if w.goes != nil {
		return w.goes.SetWriteDeadline(t)
	}
	return nil
}

// CloseWrite is for servers that linger after their last answer.
func (w *wire) CloseWrite() error { return w.goes.CloseWrite() }
