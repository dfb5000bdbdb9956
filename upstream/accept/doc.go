// Package accept lets a backend written in Go take the pooled sessions of a gateway: WebSockets over HTTP/2's extended
// CONNECT (RFC 8441), over plain TCP with prior knowledge ("h2c"). It speaks just that, needs no GODEBUG setting, and
// yields one [Conn] per session, a net.Conn that carries RFC 6455 frames with the client's mask kept.
//
// There are two ways to use a [Listener]:
//
//   - Its Accept answers a Conn whose handshake is not answered yet. [Conn.Respond] or the first Read or Write accepts
//     it, [Conn.Refuse] does not. What follows are frames: for gobwas/ws that is where wsutil begins.
//   - [Serve] presents each session to an http.Handler as the HTTP/1.1 upgrade that it was at the gateway, so handlers
//     on coder/websocket, gobwas/ws or gorilla/websocket run unchanged, beside plain requests such as health checks.
//
// The way of the data: one goroutine reads a connection into a buffer of its own and puts what is for a session into
// that session's receive buffer, which never holds more than the window announced for it. Writes append to the
// connection's pending bytes as far as both windows allow and wait otherwise; a second goroutine sends what all
// sessions have appended meanwhile in one system call.
//
// Who owns what: everything of a connection and its sessions is guarded by the connection's one mutex, save what the
// two goroutines keep to themselves. All exported methods may be called from any goroutine.
//
// The other side is expected to be a gateway on a network of one's own. It is held to the protocol and to every bound
// all the same, but nothing here authenticates it.
package accept
