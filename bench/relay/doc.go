// Package relay is the floor of the comparison: a TCP relay on one thread that looks at nothing.
// No gateway with a backend connection per client can cost less than these system calls.
//
// Each client gets one backend connection; the two are halves of a pair. What one half reads, the
// other writes at once; what does not go out waits with the writer, and its reader pauses.
package relay
