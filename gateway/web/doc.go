// Package web serves the plain HTTP beside WebSocket: net/http's Server and ReverseProxy, on connections that the
// event loops hand over.
//
//	a loop's connection -- Server.Serve -->  http.Server        server.go
//	HTTP/1.1: a head passes once codec/http1 has taken it       plain.go, deadline.go
//	    and then its body, as far as codec/http1 says           body.go
//	HTTP/2: each request is written down and taken or not       check.go
//	a WebSocket handshake -- Options.Upgrade -->  back to the loop
//	any other -- Options.Find -->  a Plan, or a refusal
//	an exchange: ReverseProxy, from the client's request to an endpoint's answer
//	    which endpoint, and another if it cannot be reached     exchange.go, end.go
//	    the fields of the request and of the answer             header.go
//	    the client's bytes, counted and not waited for too long client.go
//	the connections to endpoints: Transports                    transport.go
//
// What a request is, is decided by one parser: the loop's takes each head before net/http sees a byte of it, the first
// of a connection and all later ones, so that nothing passes here which would be refused there, and routes and backends
// see the same thing. Where it refuses one, net/http gets a fixed request in its place, which no client can send, and
// the handler answers with the refusal. Nothing behind it is read. HTTP/2 has no such bytes: there the rules are applied
// to what net/http understood.
//
// # Who owns what
//
// A connection belongs to the Server from Serve until Client.Closed, each request to a goroutine of net/http. A [Plan]
// is immutable. Connections are bounded by Options.MaxConns, requests of one HTTP/2 connection by MaxStreams, the
// time without a byte by StallTimeout; bodies stream through one buffer of 32 KiB each way. Of a connection in HTTP/1.1 up
// to Limits.Head bytes are held besides, and none between two requests.
package web
