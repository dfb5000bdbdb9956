//go:build linux

package epoll

import (
	"fmt"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// Events is the kernel's set of EPOLL bits for one descriptor.
type Events uint32

// edge is written out because syscall.EPOLLET is a negative constant.
const edge = 1 << 31

// Readable reports that a read will make progress, be it data, an end or an error.
func (e Events) Readable() bool {
	return e&(syscall.EPOLLIN|syscall.EPOLLRDHUP|syscall.EPOLLHUP|syscall.EPOLLERR) != 0
}

// Writable reports that a write will make progress or fail.
func (e Events) Writable() bool {
	return e&(syscall.EPOLLOUT|syscall.EPOLLHUP|syscall.EPOLLERR) != 0
}

// Ending reports that the other side has sent its last byte: read until the end, since no edge follows.
func (e Events) Ending() bool {
	return e&(syscall.EPOLLRDHUP|syscall.EPOLLHUP|syscall.EPOLLERR) != 0
}

// Handler is told what the kernel reported about one descriptor.
type Handler interface{ Ready(Events) }

// batch is the most events taken in one turn; a crowd that becomes ready at once is served at once.
const batch = 1024

// Loop is one epoll instance.
type Loop struct {
	// owned by the goroutine that calls Wait
	fd      int
	events  [batch]syscall.EpollEvent
	table   []Handler // by descriptor
	closing []int
	timeout syscall.Timespec
	coarse  bool // the kernel has no epoll_pwait2
	alone   bool

	// any goroutine
	mu   sync.Mutex
	wake int // eventfd, -1 once freed
}

// New opens a loop.
func New() (*Loop, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	wake, _, errno := syscall.RawSyscall(syscall.SYS_EVENTFD2, 0, syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if errno != 0 {
		syscall.Close(fd)
		return nil, fmt.Errorf("eventfd2: %w", errno)
	}
	l := &Loop{fd: fd, wake: int(wake)}
	if err := l.Add(l.wake, drained(l.wake)); err != nil {
		l.Free()
		return nil, err
	}
	return l, nil
}

// drained empties the eventfd, so that the next Wake is an edge again.
type drained int

func (d drained) Ready(Events) {
	var count [8]byte
	Read(int(d), count[:])
}

// Add registers fd, edge-triggered for reading and writing.
func (l *Loop) Add(fd int, h Handler) error {
	ev := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLOUT | syscall.EPOLLRDHUP | edge, Fd: int32(fd)}
	if err := syscall.EpollCtl(l.fd, syscall.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	for len(l.table) <= fd {
		l.table = append(l.table, nil)
	}
	l.table[fd] = h
	return nil
}

// Close forgets fd at once and closes it at the end of the batch. The descriptor must have been added.
func (l *Loop) Close(fd int) {
	l.table[fd] = nil
	l.closing = append(l.closing, fd)
}

// Wait sleeps for at most d (without end if negative), calls the handlers of one batch and
// returns. It returns early, having called nobody, after Wake or at a signal.
func (l *Loop) Wait(d time.Duration) error {
	l.sweep() // what was closed between two turns
	n, errno := l.poll(d)
	if errno != 0 && errno != syscall.EINTR {
		return fmt.Errorf("epoll_wait: %w", errno)
	}
	for i := range n {
		ev := &l.events[i]
		if h := l.table[ev.Fd]; h != nil {
			h.Ready(Events(ev.Events))
		}
	}
	l.sweep()
	return nil
}

func (l *Loop) sweep() {
	for _, fd := range l.closing {
		syscall.Close(fd)
	}
	l.closing = l.closing[:0]
}

// Alone says that the loop's goroutine is all that its process has to do: its waits never tell Go's scheduler. Of
// sixty processes that did, the monitor threads took all of two processors. The runtime must not interrupt such waits
// (GODEBUG=asyncpreemptoff=1), and a collection, or another goroutine with as many processors as Go uses, may have to
// await their end.
func (l *Loop) Alone() { l.alone = true }

// brief is how long a wait may hold its thread without telling Go's scheduler. Each telling wakes
// the runtime's monitor thread, which at a thousand wake-ups a second doubled the CPU of the relay;
// it must stay well under the 10 ms after which the runtime takes a silent thread for a busy one.
const brief = 4 * time.Millisecond

func (l *Loop) poll(d time.Duration) (int, syscall.Errno) {
	if l.coarse {
		return l.pollCoarse(d)
	}
	first := d
	if !l.alone && (d < 0 || d > brief) {
		first = brief
	}
	n, errno := l.pwait2(syscall.RawSyscall6, first)
	if n == 0 && errno == 0 && first != d {
		if d > 0 {
			d -= first
		}
		n, errno = l.pwait2(syscall.Syscall6, d)
	}
	if errno == syscall.ENOSYS {
		l.coarse = true
		return l.pollCoarse(d)
	}
	return n, errno
}

type syscall6 func(trap, a1, a2, a3, a4, a5, a6 uintptr) (r1, r2 uintptr, err syscall.Errno)

// sysEpollPwait2 sleeps with nanosecond precision (Linux 5.11); a schedule kept in whole
// milliseconds would show up in the latencies. The number is the same on every 64-bit platform.
const sysEpollPwait2 = 441

func (l *Loop) pwait2(call syscall6, d time.Duration) (int, syscall.Errno) {
	var timeout uintptr // nil sleeps without end
	if d >= 0 {
		l.timeout = syscall.NsecToTimespec(int64(d))
		timeout = uintptr(unsafe.Pointer(&l.timeout))
	}
	n, _, errno := call(sysEpollPwait2, uintptr(l.fd), uintptr(unsafe.Pointer(&l.events[0])), batch, timeout, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

func (l *Loop) pollCoarse(d time.Duration) (int, syscall.Errno) {
	ms := int(d / time.Millisecond) // rounded down: spin rather than be late
	if d < 0 {
		ms = -1
	}
	n, err := syscall.EpollWait(l.fd, l.events[:], ms)
	errno, _ := err.(syscall.Errno)
	return max(n, 0), errno
}

// Wake ends the current or the next Wait. Any goroutine may call it, also after Free.
func (l *Loop) Wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wake >= 0 {
		one := [8]byte{0: 1, 7: 1} // a count above nought in either byte order
		Write(l.wake, one[:])
	}
}

// Free closes every descriptor still registered and the loop itself.
func (l *Loop) Free() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wake < 0 {
		return
	}
	l.sweep()
	for fd, h := range l.table {
		if h != nil {
			syscall.Close(fd)
		}
	}
	if len(l.table) == 0 {
		syscall.Close(l.wake)
	}
	syscall.Close(l.fd)
	l.wake, l.table = -1, nil
}
