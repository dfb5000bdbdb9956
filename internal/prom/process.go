package prom

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"
)

var started = time.Now()

// AppendProcess appends what there is to tell of this process and of Go's runtime, with # HELP and # TYPE.
func AppendProcess(dst []byte) []byte {
	add := func(name, kind, help string, value float64) {
		dst = appendSample(appendHead(dst, name, kind, help), name, value)
	}
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) == nil {
		user, system := seconds(used.Utime), seconds(used.Stime)
		add("process_cpu_seconds_total", counter, "processor time", user+system)
		add("process_cpu_seconds_user_total", counter, "processor time outside the kernel", user)
		add("process_cpu_seconds_system_total", counter, "processor time in the kernel", system)
		add("process_major_pagefaults_total", counter, "page faults that needed storage", float64(used.Majflt))
		add("process_minor_pagefaults_total", counter, "page faults that needed no storage", float64(used.Minflt))
	}
	if pages := statm(); len(pages) > 1 {
		add("process_virtual_memory_bytes", gauge, "virtual memory", pages[0])
		add("process_resident_memory_bytes", gauge, "resident memory", pages[1])
	}
	if n, ok := openFiles(); ok {
		add("process_open_fds", gauge, "open files", float64(n))
	}
	var files syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) == nil {
		add("process_max_fds", gauge, "limit of open files", float64(files.Cur))
	}
	add("process_start_time_seconds", gauge, "when the process began, in seconds of Unix time", float64(started.UnixMilli())/1000)
	return appendRuntime(dst)
}

func seconds(t syscall.Timeval) float64 { return time.Duration(t.Nano()).Seconds() }

// statm are the sizes that Linux tells of a process, in bytes (proc_pid_statm(5)); nil elsewhere.
func statm() (sizes []float64) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return nil
	}
	for _, word := range bytes.Fields(text) {
		n, err := strconv.ParseUint(string(word), 10, 64)
		if err != nil {
			return nil
		}
		sizes = append(sizes, float64(n)*float64(os.Getpagesize()))
	}
	return sizes
}

// openFiles counts them. Newer kernels tell their number as the folder's size; to list a million would take a second.
func openFiles() (int, bool) {
	const folder = "/proc/self/fd"
	if about, err := os.Stat(folder); err == nil && about.Size() > 0 {
		return int(about.Size()), true
	}
	d, err := os.Open(folder)
	if err != nil {
		return 0, false
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	return len(names) - 1, err == nil // less the folder itself
}
