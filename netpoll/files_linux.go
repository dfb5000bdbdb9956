package netpoll

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
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

// ownFiles gives the calling thread a file table of its own (unshare(2), CLONE_FILES), and closes in it what it was
// copied with. Three things stay, by the numbers that they have in the process's table: standard input, output and
// error; the descriptor keep; and those of the runtime's poller, which the runtime uses from every thread, for instance
// when a collection that began here is over.
func ownFiles(keep int) error {
	if err := startRuntimePoller(); err != nil {
		return err
	}
	if err := unshareFiles(); err != nil {
		return err
	}
	return closeInherited(keep)
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
func closeInherited(keep int) error {
	const table = "/proc/thread-self/fd"
	files, err := os.ReadDir(table)
	if err != nil {
		return fmt.Errorf("what to close in the loop's file table is not known: %w", err)
	}
	poller := false
	for _, f := range files {
		fd, err := strconv.Atoi(f.Name())
		if err != nil || fd <= unix.Stderr || fd == keep {
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
