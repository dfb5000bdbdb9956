// Package echo is the backend of every scenario: a WebSocket server on one thread that sends each
// data frame back as it came, piece by piece, answers pings and closes. It is never the process
// that is measured, so it need only be quick enough.
//
// Bytes go from the loop's read buffer, unmasked where they lie, into the loop's write buffer, and
// out before the next read. A client that does not read is not read from.
package echo
