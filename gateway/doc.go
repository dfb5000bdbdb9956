// Package gateway composes the rooms below it into Weir: configuration, admission, sessions, drain, the admin
// listener and statistics. It does not know how a frame is encoded or how epoll works.
//
// # The way of the data
//
// A [Gateway] has a shard for each event loop, and a shard has its doors (listeners) and sessions; nothing of a session
// is ever touched by another loop. A session begins with an accepted socket and passes through phases:
//
//	silent      nothing has come; the plan of the first byte will judge the client   door.go
//	announcing  a trusted proxy's PROXY header is read (codec/proxyproto)           threshold.go
//	announced   it has been read, and nothing behind it
//	securing    TLS is made to stand (netpoll, gateway/certs)
//	greeting    the client's request is read and checked once (codec/http1)         handshake.go
//	proving     a goroutine has the client's credential checked; it is not read     prove.go
//	asking      an upstream.Attempt looks for a backend; the client is not read
//	declining   the backend said something else than 101, which is passed on
//	refusing    the gateway answered itself, and waits for the client to go
//	talking     the WebSocket stands                                                forward.go
//
// Between greeting and asking the request finds its route (direct.go, gateway/route), which knows its fleet, the
// backends and how they are reached; routes that say the same about both share one. A request that is no WebSocket
// handshake ends the session: its connection goes to gateway/web on a goroutine, and comes back as a new session
// when a handshake follows on it (plain.go). What HTTP/2 was negotiated for goes there at once.
//
// Each route has a gate (gate.go), which a request has to pass before a backend is looked for: its address
// (gateway/clientaddr), the page that it comes from (gateway/origin), and its credential (gateway/auth). What a credential needs no wait for is
// settled on the loop. Else the request is kept, a goroutine of a bounded set waits, and the loop reads the same bytes
// again when it is told the outcome. Plain requests pass the same gate, but for the page, on their own goroutine.
//
// Each route that limits rates has a meter (meter.go, gateway/rate). The scanner is told how many small messages may pass
// unseen, as the session's own rate has room for them, and announces all others before any byte of them passes: one that
// is too much closes the session, is dropped whole, or waits with what was read behind it. Bytes are counted after they
// have passed, and the client is read again when their rate has made up for it.
//
// While it talks, a slice that the loop has read goes to the direction's frame.Scanner, which walks the headers and
// says how much may pass; those very bytes are written to the other side. Payload is neither copied nor unmasked.
// If the other side does not take them, they queue up to the high-water mark, and the source is no longer read until
// the queue is low again. A client that takes nothing for too long may be closed, or miss its oldest messages (slow.go).
//
// Where the gateway compresses for a backend (press.go, codec/deflate) or reads JSON (codec/json), the messages that it
// concerns are set aside by the scanner, gathered until they have ended, looked at, and framed anew (whole.go).
//
// The gateway has few words of its own: pings (heartbeat.go) and close frames (closing.go, ending.go). They are put in between
// two frames, never inside one: the scanner stops at the next boundary when it is asked to.
//
// # Who owns what
//
// A shard and its sessions belong to their loop. Limits are atomic or under a lock, and touched when a session comes
// and goes. Counters are plain numbers of a shard, copied on the loop when somebody asks (metrics.go). All log
// lines go through one bounded queue (gateway/logqueue), which drops lines rather than make anybody wait.
//
// Routes, their gates and meters, and fleets are immutable and shared by all loops; a lane is one loop's part of a route.
// What a gate reads from files is swapped as a whole (upkeep), and the tables of a meter have locks of their own; the
// bucket of a session is its loop's. An identity may be shared by many sessions: nobody changes one. Certificates are
// gateway/certs' own, which swaps them as a whole; plain connections are gateway/web's, from handOver to takeBack, and
// count against the limits meanwhile.
package gateway
