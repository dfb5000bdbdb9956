package gateway

import "weir/codec/http1"

// Every refusal, close and drop has one name: the close reason, the log field and the metric's label. Those of
// malformed requests and frames are defined beside the rules they break (packages http1 and frame), those of
// backends that give no answer in package upstream; the gateway's own are here.
const (
	reasonClientClose  = "client_close"  // the client sent a close frame
	reasonBackendClose = "backend_close" // the backend sent a close frame
	reasonClientEOF    = "client_eof"    // the client ended TCP without a close frame
	reasonClientLost   = "client_lost"   // the client's connection broke
	reasonBackendGone  = "backend_gone"  // the backend ended TCP without a close frame
	reasonBackendLost  = "backend_lost"  // the backend's connection broke
	reasonIdle         = "idle_timeout"
	reasonPong         = "pong_timeout"
	reasonBackendPong  = "backend_pong_timeout"
	reasonDrain        = "drain"
	reasonReload       = "reload"            // its route or backend is no longer in the configuration
	reasonClientGone   = "client_gone_early" // left before it had an answer
	reasonNothingSent  = "nothing_sent"      // left before it sent a byte: a balancer's check, mostly
	reasonDescriptors  = "no_descriptors"
	reasonDeclined     = "backend_declined" // the backend's own answer was no 101, and was passed on
)

const (
	reasonExpired       = "auth_expired" // the credential of the session has expired
	reasonRate          = "message_rate" // more messages than a rate allows
	reasonFrames        = "frame_rate"   // more pings, pongs and fragments than a rate allows
	reasonClosed        = "closed_by_admin"
	reasonSlow          = "slow_reader"    // the client's queue was full for too long
	reasonGatherTimeout = "gather_timeout" // nothing more came of such a message
	reasonGather        = "gather_memory"  // too many messages are under way that are looked at as a whole
)

const reasonTLS = "tls_failed" // the client could not be secured; weir_tls_handshake_failures_total says why

var (
	refusedClear    = &http1.Refusal{Status: 400, Reason: "not_tls", Text: "This port speaks TLS: use https:// or wss://."}
	refusedInsecure = &http1.Refusal{Status: 403, Reason: "tls_required", Text: "This address is served over TLS only: use https:// or wss://."}
	redirected      = &http1.Refusal{Status: 308, Reason: "redirected_to_tls", Text: "This address is served over TLS only."}
	refusedNoRoute  = &http1.Refusal{Status: 404, Reason: "no_route", Text: "Nothing is served at this address."}
	refusedPath     = &http1.Refusal{Status: 400, Reason: "ambiguous_path", Text: "Servers read this path in different ways: dot segments, doubled or escaped separators, another case or encoding."}
	refusedTerms    = &http1.Refusal{Status: 421, Reason: "tls_terms_changed", Ends: true, Text: "This connection was made under other rules for client certificates: make a new one."}
	refusedName     = &http1.Refusal{Status: 421, Reason: "misdirected_request", Text: "This connection was made for another name (RFC 9110 section 15.5.20)."}

	refusedAddress = &http1.Refusal{Status: 403, Reason: "address_denied", Text: "Connections from this address are not taken."}
	refusedOrigin  = &http1.Refusal{Status: 403, Reason: "origin_denied", Text: "Pages of this origin may not connect here."}
	refusedRate    = &http1.Refusal{Status: 429, Reason: "connection_rate", Text: "There are too many new connections from this address.", Header: "Retry-After: 5\r\n"}

	refusedRequests      = &http1.Refusal{Status: 503, Reason: "too_many_requests", Text: "This gateway has as many requests in flight as it may have; try again later.", Header: "Retry-After: 1\r\n"}
	refusedRequestsPerIP = &http1.Refusal{Status: 429, Reason: "too_many_requests_per_ip", Text: "There are too many requests in flight from this address.", Header: "Retry-After: 1\r\n"}

	refusedByAdmin = &http1.Refusal{Status: 403, Reason: reasonClosed, Text: "This session was closed by whoever runs the gateway."}

	refusedSlow     = &http1.Refusal{Status: 408, Reason: "handshake_timeout", Text: "The request did not arrive in time."}
	refusedDraining = &http1.Refusal{Status: 503, Reason: "draining", Text: "This gateway is shutting down; connect again to reach another one.", Header: "Retry-After: 1\r\n"}
	refusedFull     = &http1.Refusal{Status: 503, Reason: "too_many_connections", Text: "This gateway has as many connections as it may have; try again later.", Header: "Retry-After: 5\r\n"}
	refusedPerIP    = &http1.Refusal{Status: 429, Reason: "too_many_connections_per_ip", Text: "There are too many connections from this address.", Header: "Retry-After: 5\r\n"}
)

// refusals are all of these, for whoever counts them: each has its series from the start.
var refusals = []*http1.Refusal{refusedClear, refusedInsecure, redirected, refusedNoRoute, refusedPath, refusedTerms, refusedName, refusedAddress,
	refusedOrigin, refusedRate, refusedRequests, refusedRequestsPerIP, refusedByAdmin, refusedSlow, refusedDraining, refusedFull, refusedPerIP}
