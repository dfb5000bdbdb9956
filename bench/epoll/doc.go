// Package epoll is the benchmark's own event loop: the least that can drive tens of thousands of
// sockets from one thread. It is kept apart from the gateway's reactor on purpose, so that the
// yardstick shares no code with the thing it measures. Linux only, standard library only.
//
// A descriptor is registered once, edge-triggered both ways, with the Handler that is called when
// the kernel reports it. Every call but Wake belongs to the goroutine that calls Wait. Descriptors
// closed in a batch stay open until the batch ends, so a stale event never meets a reused number.
package epoll
