// Package regress keeps what a session, a handshake and a message cost from growing unseen. It counts what is the same on
// any machine, however slow or busy: allocations, system calls, bytes of heap. Time is for the benchmarks.
//
// The command runs as a process of its own, so that its clients and backends, which live in the test's, are not counted:
//
//	clients --> weir --> echo backends     one event loop, each way to a backend, in clear and over TLS
//	             |
//	             +-- /metrics              allocations by the runtime's count, sends by the loop's
//	             +-- /proc/PID/io          reads, by the kernel's count
//	             +-- /debug/pprof/heap     live heap behind a collection
//	             +-- strace                all calls, the waits too; it proves that the counts are true
//
// budget_test.go holds the bounds. They stand a little above what was measured, which -v shows. A change that breaks one
// takes it back or raises the bound and says why: a budget is changed by decision, not by accident.
package regress
