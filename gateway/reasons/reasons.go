package reasons

import "weir/codec/http1"

// Why a session ends.
const (
	ClientClose    = "client_close"  // the client sent a close frame
	BackendClose   = "backend_close" // the backend sent a close frame
	ClientEOF      = "client_eof"    // the client ended TCP without a close frame
	ClientLost     = "client_lost"   // the client's connection broke
	BackendGone    = "backend_gone"  // the backend ended TCP without a close frame
	BackendLost    = "backend_lost"  // the backend's connection broke
	Idle           = "idle_timeout"
	Pong           = "pong_timeout"
	BackendPong    = "backend_pong_timeout"
	Drain          = "drain"
	Reload         = "reload"            // its route or backend is no longer in the configuration
	EndpointDrain  = "endpoint_drain"    // its endpoint is to have no sessions, and it could not be moved
	ReopenMismatch = "reopen_mismatch"   // the backend that it was moved to agreed to something else
	Rebalance      = "rebalance"         // its endpoint has more than its share
	ClientGone     = "client_gone_early" // left before it had an answer
	NothingSent    = "nothing_sent"      // left before it sent a byte: a balancer's check, mostly
	Descriptors    = "no_descriptors"
	Declined       = "backend_declined" // the backend's own answer was no 101, and was passed on
)

const (
	Expired       = "auth_expired" // the credential of the session has expired
	MessageRate   = "message_rate" // more messages than a rate allows
	FrameRate     = "frame_rate"   // more pings, pongs and fragments than a rate allows
	Closed        = "closed_by_admin"
	SlowReader    = "slow_reader"    // the client's queue was full for too long
	GatherTimeout = "gather_timeout" // nothing more came of such a message
	GatherMemory  = "gather_memory"  // too many messages are under way that are looked at as a whole
)

// Panic is a fault of ours while a plain request was served; the log has the stack.
const Panic = "panic"

// TLSFailed: see weir_tls_handshake_failures_total.
const TLSFailed = "tls_failed" // the client could not be secured

var (
	RefusedClear    = &http1.Refusal{Status: 400, Reason: "not_tls", Text: "This port speaks TLS: use https:// or wss://."}
	RefusedInsecure = &http1.Refusal{Status: 403, Reason: "tls_required", Text: "This address is served over TLS only: use https:// or wss://."}
	RedirectedToTLS = &http1.Refusal{Status: 308, Reason: "redirected_to_tls", Text: "This address is served over TLS only."}
	RefusedNoRoute  = &http1.Refusal{Status: 404, Reason: "no_route", Text: "Nothing is served at this address."}
	RefusedPath     = &http1.Refusal{Status: 400, Reason: "ambiguous_path", Text: "Servers read this path in different ways: dot segments, doubled or escaped separators, another case or encoding."}
	RefusedTerms    = &http1.Refusal{Status: 421, Reason: "tls_terms_changed", Ends: true, Text: "This connection was made under other rules for client certificates: make a new one."}
	RefusedName     = &http1.Refusal{Status: 421, Reason: "misdirected_request", Text: "This connection was made for another name (RFC 9110 section 15.5.20)."}

	RefusedAddress = &http1.Refusal{Status: 403, Reason: "address_denied", Text: "Connections from this address are not taken."}
	RefusedOrigin  = &http1.Refusal{Status: 403, Reason: "origin_denied", Text: "Pages of this origin may not connect here."}
	RefusedRate    = &http1.Refusal{Status: 429, Reason: "connection_rate", Text: "There are too many new connections from this address.", Header: "Retry-After: 5\r\n"}

	RefusedRequests      = &http1.Refusal{Status: 503, Reason: "too_many_requests", Text: "This gateway has as many requests in flight as it may have; try again later.", Header: "Retry-After: 1\r\n"}
	RefusedRequestsPerIP = &http1.Refusal{Status: 429, Reason: "too_many_requests_per_ip", Text: "There are too many requests in flight from this address.", Header: "Retry-After: 1\r\n"}

	RefusedByAdmin = &http1.Refusal{Status: 403, Reason: Closed, Text: "This session was closed by whoever runs the gateway."}

	RefusedSlow     = &http1.Refusal{Status: 408, Reason: "handshake_timeout", Text: "The request did not arrive in time."}
	RefusedDraining = &http1.Refusal{Status: 503, Reason: "draining", Text: "This gateway is shutting down; connect again to reach another one.", Header: "Retry-After: 1\r\n"}
	RefusedFull     = &http1.Refusal{Status: 503, Reason: "too_many_connections", Text: "This gateway has as many connections as it may have; try again later.", Header: "Retry-After: 5\r\n"}
	RefusedPerIP    = &http1.Refusal{Status: 429, Reason: "too_many_connections_per_ip", Text: "There are too many connections from this address.", Header: "Retry-After: 5\r\n"}
)

// refusals are all of these, for whoever counts them: each has its series from the start.
var Refusals = []*http1.Refusal{RefusedClear, RefusedInsecure, RedirectedToTLS, RefusedNoRoute, RefusedPath, RefusedTerms, RefusedName, RefusedAddress,
	RefusedOrigin, RefusedRate, RefusedRequests, RefusedRequestsPerIP, RefusedByAdmin, RefusedSlow, RefusedDraining, RefusedFull, RefusedPerIP}
