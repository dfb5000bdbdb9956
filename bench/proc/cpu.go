//go:build linux

package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

// CPU is processor time used since a process began, summed over its threads, dead ones included.
type CPU struct {
	Total        time.Duration // to the nanosecond, from the process's CPU clock
	User, System time.Duration // in ticks of 10 ms, from stat
}

// ReadCPU sums the processor time of pids. A pid that is gone is an error.
func ReadCPU(pids ...int) (CPU, error) {
	var sum CPU
	for _, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return sum, fmt.Errorf("process %d is gone", pid)
		}
		user, system, err := parseStat(stat)
		if err != nil {
			return sum, fmt.Errorf("process %d: %w", pid, err)
		}
		total, err := clock(pid)
		if err != nil {
			return sum, fmt.Errorf("process %d: CPU clock: %w", pid, err)
		}
		sum.User += user
		sum.System += system
		sum.Total += total
	}
	return sum, nil
}

// Since is the time used between two readings: the exact total, split as the ticks are split.
func (c CPU) Since(earlier CPU) (user, system time.Duration) {
	total := c.Total - earlier.Total
	u, s := c.User-earlier.User, c.System-earlier.System
	if u+s <= 0 {
		return 0, total // less than a tick: call it the kernel's
	}
	user = time.Duration(float64(total) * float64(u) / float64(u+s))
	return user, total - user
}

// clock reads the CPU clock of another process: clock_getcpuclockid(3), done by hand.
func clock(pid int) (time.Duration, error) {
	const precise = 2
	var ts syscall.Timespec
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(^pid<<3|precise), uintptr(unsafe.Pointer(&ts)), 0)
	if errno != 0 {
		return 0, errno
	}
	return time.Duration(ts.Nano()), nil
}

var errFormat = errors.New("unknown format")

// tick is USER_HZ, which Linux keeps at 100 a second for every process outside the kernel.
const tick = 10 * time.Millisecond

// parseStat takes utime and stime, fields 14 and 15, from /proc/PID/stat. The second field is
// the name, which may itself hold spaces and parentheses.
func parseStat(b []byte) (user, system time.Duration, err error) {
	end := bytes.LastIndexByte(b, ')')
	fields := bytes.Fields(b[end+1:])
	if end < 0 || len(fields) < 13 {
		return 0, 0, errFormat
	}
	u, err1 := strconv.ParseInt(string(fields[11]), 10, 64)
	s, err2 := strconv.ParseInt(string(fields[12]), 10, 64)
	if err1 != nil || err2 != nil {
		return 0, 0, errFormat
	}
	return time.Duration(u) * tick, time.Duration(s) * tick, nil
}

// Thread is what the scheduler gave a thread: time on a processor, and time ready but waiting for one.
type Thread struct{ Run, Wait time.Duration }

// ReadThread reads the calling thread's times; the caller must be locked to it.
func ReadThread() (Thread, error) {
	b, err := os.ReadFile("/proc/thread-self/schedstat")
	if err != nil {
		return Thread{}, err
	}
	return parseSchedstat(b)
}

// Share is what a thread has run and waited since it was seen before, each as a share of the time between.
func (t Thread) Share(earlier Thread, elapsed time.Duration) (run, wait float64) {
	if elapsed <= 0 {
		return 0, 0
	}
	return float64(t.Run-earlier.Run) / float64(elapsed), float64(t.Wait-earlier.Wait) / float64(elapsed)
}

func parseSchedstat(b []byte) (Thread, error) {
	fields := bytes.Fields(b)
	if len(fields) < 2 {
		return Thread{}, errFormat
	}
	run, err1 := strconv.ParseInt(string(fields[0]), 10, 64)
	wait, err2 := strconv.ParseInt(string(fields[1]), 10, 64)
	if err1 != nil || err2 != nil {
		return Thread{}, errFormat
	}
	return Thread{Run: time.Duration(run), Wait: time.Duration(wait)}, nil
}
