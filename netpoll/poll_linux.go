package netpoll

import (
	"errors"
	"reflect"
	"time"
	"unsafe"

	gnetpoll "github.com/panjf2000/gnet/v2/pkg/netpoll"
	"golang.org/x/sys/unix"
)

const (
	batchSize = 512 // events taken at once

	// linger is how long a loop waits without telling Go's scheduler. A wait that does tell it wakes the
	// runtime's monitor thread when the process was idle, which at some hundred messages a second costs more
	// than the messages. It keeps a processor of the scheduler's for as long, so it must be short; a garbage
	// collector that wants to stop the world interrupts it by signal.
	linger = 4 * time.Millisecond
)

// poll runs the loop. gnet's Poller owns the epoll instance and registers sockets; the waiting is done here, as
// its Polling can neither say where a batch ends nor wait without the scheduler.
func (l *Loop) poll() error {
	epfd, err := epollDescriptor(l.poller)
	if err != nil {
		return err
	}
	if !l.opts.Yields {
		l.linger = linger
	}
	events := make([]unix.EpollEvent, batchSize)
	for !l.stopping {
		n, err := l.wait(epfd, events)
		if err != nil {
			return err
		}
		l.tick()
		for i := range events[:n] {
			l.event(int(events[i].Fd), events[i].Events, 0)
		}
		if l.later.armed {
			l.runDeferred()
		}
		l.stats.Busy += time.Since(l.epoch) - l.now
	}
	return nil
}

// wait takes the next batch. If something was put off again at the end of the last one, it does not wait.
func (l *Loop) wait(epfd int, events []unix.EpollEvent) (int, error) {
	brief := l.linger
	if l.later.armed {
		brief = 0
	}
	if l.later.armed || l.linger > 0 {
		switch n, errno := epollWait(epfd, events, brief); {
		case errno == unix.EINTR:
			return 0, nil // the scheduler wants its processor, and gets it with the next call of a function
		case errno != 0:
			return 0, errno
		case n > 0 || l.later.armed:
			return n, nil
		}
	}
	n, err := unix.EpollWait(epfd, events, -1)
	if err == unix.EINTR {
		return 0, nil
	}
	return n, err
}

func epollWait(epfd int, events []unix.EpollEvent, wait time.Duration) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(unsafe.Pointer(unsafe.SliceData(events))),
		uintptr(len(events)), uintptr(wait.Milliseconds()), 0, 0)
	return int(n), errno
}

// epollDescriptor reads the descriptor that gnet's Poller does not export. The version of gnet is pinned, and
// a loop does not start if the field is gone.
func epollDescriptor(p *gnetpoll.Poller) (int, error) {
	fd := reflect.ValueOf(p).Elem().FieldByName("fd")
	if !fd.IsValid() || !fd.CanInt() {
		return -1, errors.New("gnet's Poller has no epoll descriptor in a field fd")
	}
	return int(fd.Int()), nil
}
