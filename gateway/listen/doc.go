// Package listen has the sockets that clients connect to: it opens them on every loop, goes on with those that another
// process opened before, and hands them to a successor.
//
//	opened by the configuration   listeners.go
//	opened by another process     inherited.go   the process before this one, or systemd
package listen
