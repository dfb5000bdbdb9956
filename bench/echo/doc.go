// Package echo is the backend of every scenario: a WebSocket server on one thread that sends each
// data frame back as it came, piece by piece, answers pings and closes. It is never the process
// that is measured, so it need only be quick enough.
//
// Serve takes one WebSocket a connection (RFC 6455), ServeH2C many (RFC 8441, by prior knowledge):
//
//	socket   bytes in and out of a descriptor, whatever they mean
//	upgrade  --> talk           HTTP/1.1: a handshake, then frames
//	mux      --> stream, talk   HTTP/2: each stream's DATA is frames
//	talk     what a WebSocket's frames are answered with
//
// On RequestPath a plain GET has a short answer, over HTTP/1.1 only.
//
// On FanoutPath nothing is echoed: what one client says there goes to all others there, on whatever
// connections of the backend they are.
//
// Bytes go from the loop's read buffer, unmasked where they lie, into the loop's write buffer, and
// out in one write before the next read. A client that does not read is not read from; a stream
// whose client does not read gets no more window, and holds at most the one it has.
package echo
