package netpoll

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// apart runs fn on a thread that nothing else ever runs on, and that ends with it. The process's first thread is not
// taken: the runtime never ends it, and its table is what /proc/self/fd shows.
func apart(fn func()) {
	runtime.LockOSThread() // for good: the runtime ends a thread whose goroutine returns with it locked
	if unix.Gettid() != unix.Getpid() {
		fn()
		return
	}
	begun := make(chan struct{})
	go func() { // on another thread, as this one is held meanwhile
		runtime.LockOSThread()
		close(begun)
		fn()
	}()
	<-begun
	runtime.UnlockOSThread()
}

// ownFiles gives the loop's thread a file table of its own (unshare(2), CLONE_FILES), and closes in it what it was
// copied with. Three things stay, by the numbers that they have in the process's table: standard input, output and
// error; those that the loop brings along; and those of the runtime's poller, which the runtime uses from every thread, for instance
// when a collection that began here is over.
func (l *Loop) ownFiles() error {
	if err := startRuntimePoller(); err != nil {
		return err
	}
	if err := unshareFiles(); err != nil {
		return err
	}
	return closeInherited(append([]int{l.wake.fd(), l.outlet.inside}, l.opts.Keep...))
}

// startRuntimePoller makes the runtime open its poller, as it does for the first pipe or socket.
func startRuntimePoller() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	return errors.Join(r.Close(), w.Close())
}

// unshareFiles asks twice: profiles of containers that forbid unshare(2) for the sake of namespaces let close_range(2)
// do this part of it.
func unshareFiles() error {
	err := unix.Unshare(unix.CLONE_FILES)
	if err == unix.EPERM && unix.CloseRange(math.MaxUint32, math.MaxUint32, unix.CLOSE_RANGE_UNSHARE) == nil {
		return nil
	}
	return os.NewSyscallError("unshare", err)
}

// closeInherited closes what others opened before, so that a file, a socket or a listener that they close later is
// closed indeed. All eventfds stay, since which of them is the runtime's cannot be told; the others are those that wake
// other loops.
func closeInherited(keep []int) error {
	const table = "/proc/thread-self/fd"
	files, err := os.ReadDir(table)
	if err != nil {
		return fmt.Errorf("what to close in the loop's file table is not known: %w", err)
	}
	poller := false
	for _, f := range files {
		fd, err := strconv.Atoi(f.Name())
		if err != nil || fd <= unix.Stderr || slices.Contains(keep, fd) {
			continue
		}
		switch name, _ := os.Readlink(table + "/" + f.Name()); name {
		case "anon_inode:[eventpoll]":
			poller = true
		case "anon_inode:[eventfd]":
		default:
			_ = unix.Close(fd) // fails for one, which was the directory's
		}
	}
	if !poller {
		return errors.New("the poller of Go's runtime is not seen in " + table)
	}
	return nil
}

// outlet is the way of a descriptor out of a loop's file table: what is sent at one end in that table is received at
// the other, in the table of the process. Only loops with tables of their own have one.
type outlet struct{ inside, outside int }

func (o *outlet) open() error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		*o = outlet{pair[0], pair[1]}
	}
	return os.NewSyscallError("socketpair", err)
}

// parted closes the end that is the loop's in the table of the process, once the loop's has a copy.
func (o *outlet) parted() { _ = unix.Close(o.inside) }

// close runs in the table of the process; the loop's ends with its thread.
func (o *outlet) close() {
	if *o != (outlet{}) {
		_ = unix.Close(o.outside)
	}
}

func (o *outlet) send(fd int) error {
	return os.NewSyscallError("sendmsg", unix.Sendmsg(o.inside, []byte{0}, unix.UnixRights(fd), nil, 0))
}

// receive takes what was sent before.
func (o *outlet) receive() (int, error) {
	var room [64]byte
	_, n, _, _, err := unix.Recvmsg(o.outside, make([]byte, 1), room[:], unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
	if err != nil {
		return -1, os.NewSyscallError("recvmsg", err)
	}
	messages, err := unix.ParseSocketControlMessage(room[:n])
	if err != nil || len(messages) != 1 {
		return -1, errors.New("no descriptor came")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return -1, errors.New("no descriptor came")
	}
	return fds[0], nil
}
