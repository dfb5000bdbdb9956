//go:build linux

package proc

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// ReadRSS is the resident memory of pids in bytes, summed.
func ReadRSS(pids ...int) (int64, error) {
	var sum int64
	for _, pid := range pids {
		n, err := readField(fmt.Sprintf("/proc/%d/status", pid), "VmRSS")
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// ReadSlab is the kernel's slab memory in bytes, sockets among it, of the whole machine.
func ReadSlab() (int64, error) { return readField("/proc/meminfo", "Slab") }

// ReadAvailable is the memory in bytes that new processes may take without swapping, of the whole machine.
func ReadAvailable() (int64, error) { return readField("/proc/meminfo", "MemAvailable") }

// ReadThreads is how many threads pids have, summed.
func ReadThreads(pids ...int) (int, error) {
	sum := 0
	for _, pid := range pids {
		list, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if err != nil {
			return 0, err
		}
		sum += len(list)
	}
	return sum, nil
}

func readField(path, name string) (int64, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	n, err := parseField(b, name)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}

// parseField finds a line such as "VmRSS:  1234 kB" and gives bytes.
func parseField(b []byte, name string) (int64, error) {
	for line := range bytes.Lines(b) {
		field, value, _ := bytes.Cut(line, []byte(":"))
		if string(field) != name {
			continue
		}
		words := bytes.Fields(value)
		if len(words) != 2 || string(words[1]) != "kB" {
			return 0, errFormat
		}
		n, err := strconv.ParseInt(string(words[0]), 10, 64)
		return n << 10, err
	}
	return 0, fmt.Errorf("no field %s", name)
}

// RaiseFileLimit lifts the soft limit of open files to the hard one, for this process and for
// those it starts, and says what the limit is.
func RaiseFileLimit() (uint64, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	limit.Cur = limit.Max
	// Go has raised its own already, but puts the old one back for children unless it is set by hand.
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	return limit.Cur, nil
}
