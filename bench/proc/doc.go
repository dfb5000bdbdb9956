// Package proc reads what the kernel knows of a process: CPU time, memory, threads' waiting, limits.
// Linux only.
package proc
