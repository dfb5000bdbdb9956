// Package logqueue writes log lines on a goroutine of its own, so that a log that nobody reads (a full pipe, a stuck log
// driver) never holds up whoever logs.
//
// A [Handler] stands before another slog.Handler. It puts each record into a bounded queue, and the goroutine hands them on in
// their order. Formatting is done there too. A record that finds no room is dropped and counted. Lines that come in great
// numbers (those of the access log) may take three quarters of the room, so that the others always find some.
package logqueue
