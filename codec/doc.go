// Package codec is the room of bytes and protocols. It holds what its sub-packages share:
//
//   - codec/proxyproto: the header in which a proxy tells whose connection it passes on (PROXY protocol)
//   - codec/http1: heads of HTTP/1.1, parsed, checked, rebuilt, those of WebSocket handshakes above all, and who asks
//     (RFC 9112, RFC 6455 section 4, RFC 7239)
//   - codec/frame: the frames that follow, walked without copying (RFC 6455 section 5)
//   - codec/deflate: compressed messages (permessage-deflate, RFC 7692)
//   - codec/json: whether a message is one JSON text (RFC 8259)
//   - codec/h2: HTTP/2 frames and header lists that carry many WebSockets over one connection (RFC 9113, RFC 8441)
//
// They know bytes only: no sockets, goroutines, clocks or logs. A caller lends a slice, is told how much of it was
// understood, and keeps ownership; what a result points to is that slice, so it lives as long as the slice does.
//
// Neither side is trusted. Bad input ends in a value with a name, never in a panic: a [ProtocolError] where the
// fault ends a connection, an http1.Refusal where the client is owed an answer.
package codec
