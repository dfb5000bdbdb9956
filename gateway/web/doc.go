// Package web serves the plain HTTP beside WebSocket: net/http's Server and ReverseProxy, on connections that the
// event loops hand over.
//
//	a loop's connection -- Server.Serve -->  http.Server        server.go
//	each request: checked once more by codec/http1's rules      check.go
//	    a WebSocket handshake -- Options.Upgrade -->  back to the loop
//	    else Options.Find -->  a Plan, or a refusal
//	an exchange: ReverseProxy, from the client's request to an endpoint's answer
//	    which endpoint, and another if it cannot be reached     exchange.go, end.go
//	    the fields of the request and of the answer             header.go
//	    the client's bytes, counted and not waited for too long client.go
//	the connections to endpoints: Transports                    transport.go
//
// What a request is was decided by the parser that saw it first: requests that net/http read later on the same
// connection, or over HTTP/2, are written down as an HTTP/1.1 head and go through the same parser, so that nothing
// passes here which would be refused there, and routes and backends see the same thing.
//
// # Who owns what
//
// A connection belongs to the Server from Serve until Client.Closed, each request to a goroutine of net/http. A [Plan]
// is immutable. Connections are bounded by Options.MaxConns, requests of one HTTP/2 connection by MaxStreams, the
// time without a byte by StallTimeout; bodies stream through one buffer of 32 KiB each way.
package web
