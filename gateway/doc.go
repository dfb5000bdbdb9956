// Package gateway composes the rooms below it into Weir: configuration, admission, sessions, drain, the admin
// listener and statistics. It does not know how a frame is encoded or how epoll works.
//
// # The way of the data
//
// A [Gateway] has a shard for each event loop, and a shard has its sessions; nothing of a session is ever touched
// by another loop. A session begins with an accepted socket and passes through phases:
//
//	greeting   the client's request is read and checked once (codec/http1)         handshake.go
//	asking     an upstream.Attempt looks for a backend; the client is not read
//	declining  the backend said something else than 101, which is passed on
//	refusing   the gateway answered itself, and waits for the client to go
//	talking    the WebSocket stands                                                forward.go
//
// While it talks, a slice that the loop has read goes to the direction's frame.Scanner, which walks the headers and
// says how much may pass; those very bytes are written to the other side. Payload is neither copied nor unmasked.
// If the other side does not take them, they queue up to the high-water mark, and the source is no longer read until
// the queue is low again.
//
// The gateway has few words of its own: pings (heartbeat.go) and close frames (closing.go). They are put in between
// two frames, never inside one: the scanner stops at the next boundary when it is asked to.
//
// # Who owns what
//
// A shard and its sessions belong to their loop. Limits are atomic or under a lock, and touched when a session comes
// and goes. Counters are plain numbers of a shard, copied on the loop when somebody asks (metrics.go). The access log
// takes copies over a bounded queue, and leaves lines out rather than make a loop wait.
package gateway
