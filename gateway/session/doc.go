// Package session is what runs on a loop: clients from accept to the last descriptor closed. It does not know how a
// frame is encoded, how epoll works, or how a configuration is read.
//
// A [Shard] is a loop's part of the gateway, with its listeners and sessions; nothing of a session is ever touched by another
// loop. A session begins with an accepted socket and passes through phases:
//
//	silent          nothing has come; the plan of the first byte will judge the client   listener.go
//	announcing      a trusted proxy's PROXY header is read (codec/proxyproto)            preface.go
//	announced       it has been read, and nothing behind it
//	securing        TLS is made to stand (netpoll, gateway/certs)
//	greeting        the client's request is read and checked once (codec/http1)          handshake.go
//	authenticating  a goroutine has the client's credential checked; it is not read      authenticate.go
//	asking          an upstream.Attempt looks for a backend; the client is not read      answer.go
//	declining       the backend said something else than 101, which is passed on
//	refusing        the gateway answered itself, and waits for the client to go
//	talking         the WebSocket stands                                                 forward.go
//
// A request that is no WebSocket handshake ends the session: its connection goes to gateway/web on a goroutine, and comes back
// as a new session when a handshake follows on it (handover.go). What HTTP/2 was negotiated for goes there at once.
//
// While a session talks, a slice that the loop has read goes to the direction's frame.Scanner, which walks the headers and
// says how much may pass; those very bytes are written to the other side. Payload is neither copied nor unmasked.
// If the other side does not take them, they queue up to the high-water mark, and the source is no longer read until
// the queue is low again. A client that takes nothing for too long may be closed, or miss its oldest messages (slow.go).
//
// Where a route has rates (rates.go), the scanner is told (frame_rules.go) how many small messages may pass unseen, as the session's own rate
// has room for them, and announces all others before any byte of them passes: one that is too much closes the session, is
// dropped whole, or waits with what was read behind it. Bytes are counted after they have passed.
//
// Where the gateway compresses for a backend (compress.go) or reads JSON, the messages that it concerns are set aside by the
// scanner, gathered until they have ended, looked at, and framed anew (gather.go).
//
// The gateway has few words of its own: pings (heartbeat.go) and close frames (closing.go, ending.go). They are put in between
// two frames, never inside one: the scanner stops at the next boundary when it is asked to.
//
// Sessions of other protocols than WebSocket (upgrade-other, opaque.go) have no frames: their bytes pass unread, and the end of
// TCP is their close.
//
// # Who owns what
//
// A shard and its sessions belong to their loop. What all loops share is a [Process]: its bounds are atomic or under a lock,
// and touched when a session comes and goes, never by a message. Counters are plain numbers of a shard, copied on the loop
// when somebody asks. All log lines go through one bounded queue, which drops lines rather than make anybody wait. A session
// is small and plain: what only a handshake needs is the handshake's, what only some need is extra.
package session
