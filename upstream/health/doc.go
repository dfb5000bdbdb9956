// Package health finds out whether a backend is well by asking it.
//
// A Probe asks once: it connects, sends a GET and judges the status, or opens a
// WebSocket and closes it. Run repeats a probe at a jittered interval and reports
// each outcome; what a row of outcomes means is for the caller, who owns the state.
//
// Run lives on a goroutine of its caller's, one for each backend, and everything
// in it may block. Probes of all backends share a set of slots, which bounds how
// many connections are being checked at once.
package health
