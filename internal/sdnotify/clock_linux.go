package sdnotify

import (
	"strconv"
	"syscall"
	"unsafe"
)

// monotonic is the kernel's clock in microseconds, by which systemd tells this reload from one before (Type=notify-reload).
func monotonic() string {
	const clockMonotonic = 1
	var now syscall.Timespec
	_, _, _ = syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&now)), 0)
	return strconv.FormatInt(now.Nano()/1000, 10)
}
