// Package wire is the benchmark's own small reading of RFC 6455: enough to upgrade a connection and
// to send, echo and check frames as they arrive, in whatever pieces. It is written apart from the
// gateway's codec so that a fault in one cannot hide in the other. It holds no sockets.
package wire
