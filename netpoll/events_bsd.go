//go:build darwin || freebsd

package netpoll

import (
	"errors"

	gnetpoll "github.com/panjf2000/gnet/v2/pkg/netpoll"
	"golang.org/x/sys/unix"
)

func canRead(ev gnetpoll.IOEvent, _ gnetpoll.IOFlags) bool  { return ev == gnetpoll.ReadEvents }
func canWrite(ev gnetpoll.IOEvent, _ gnetpoll.IOFlags) bool { return ev == gnetpoll.WriteEvents }

func peerClosed(_ gnetpoll.IOEvent, flags gnetpoll.IOFlags) bool {
	return flags&gnetpoll.ErrEvents != 0
}

// peerLeft is nothing that is told apart from the end of what the peer sends.
func peerLeft(gnetpoll.IOEvent, gnetpoll.IOFlags) bool { return false }

// wakeup is a descriptor that the loop makes ready for itself: a pipe, as there is no eventfd everywhere.
type wakeup struct{ pipe [2]int }

func (w *wakeup) open() error {
	if err := unix.Pipe(w.pipe[:]); err != nil {
		w.pipe = [2]int{-1, -1} // so that close does not close number 0
		return err
	}
	for _, fd := range w.pipe {
		unix.CloseOnExec(fd)
		if err := unix.SetNonblock(fd, true); err != nil {
			return err
		}
	}
	return nil
}

func (w *wakeup) fd() int { return w.pipe[0] }

func (w *wakeup) signal() { _, _ = unix.Write(w.pipe[1], []byte{1}) }

func (w *wakeup) drain() {
	var b [16]byte
	_, _ = unix.Read(w.pipe[0], b[:])
}

// atEndOfBatch makes the wake event come behind those that are ready now: gnet's Polling has no hook there.
func (w *wakeup) atEndOfBatch() { w.signal() }

func (w *wakeup) close() {
	_ = unix.Close(w.pipe[0])
	_ = unix.Close(w.pipe[1])
}

// ownFiles never succeeds: here all threads of a process have one file table.
func (l *Loop) ownFiles() error {
	return errors.New("file tables for single loops are known to Linux alone")
}

func apart(fn func()) { fn() }

// outlet is for loops with file tables of their own, of which there are none here.
type outlet struct{}

func (outlet) open() error           { return nil }
func (outlet) parted()               {}
func (outlet) close()                {}
func (outlet) send(int) error        { return errors.ErrUnsupported }
func (outlet) receive() (int, error) { return -1, errors.ErrUnsupported }

// applyOS and applyListener: TCP_USER_TIMEOUT, TCP_DEFER_ACCEPT, and what TCP_NOTSENT_LOWAT does for readiness, are Linux's.
func (o SocketOptions) applyOS(int) error       { return nil }
func (o SocketOptions) applyListener(int) error { return nil }
func limitNotSent(int, int) error               { return nil }
