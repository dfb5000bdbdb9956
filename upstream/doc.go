// Package upstream knows the backends: who they are, which one a session gets, whether they are well, and how
// one is reached. It knows nothing of clients, configuration files or metrics' names.
//
// # Who and which
//
// A [Spec] is what a user writes; a [Group] turns specs into [Endpoint]s, resolving names again and again,
// watching their health, and publishing an immutable table that [Group.Pick] reads from any goroutine. An endpoint is
// the same one for as long as its name is known, whoever joins or leaves beside it. The
// choice is consistent hashing with bounded loads (package balance); probes are package health.
//
// # How
//
// [Links] are one loop's ways to the endpoints. A session hands over a [Request] made of what it understood, and hears
// of the rest through its [Sink]. An [Attempt] connects, trying other endpoints if that fails, and brings the backend's
// answer together with a [Stream]. There are two kinds, and a session cannot tell which it has:
//
//	tunnel   a connection of its own: an HTTP/1.1 upgrade, whose answer is parsed strictly, and then bytes that
//	         nobody looks at
//	stream   a share of a pooled HTTP/2 connection (RFC 8441): an extended CONNECT, and then DATA with the same
//	         bytes. What many sessions have to say within a batch leaves in one write
//
// Either goes over TLS where the endpoint's scheme says so: netpoll makes it, so that neither kind knows of it but for
// what ALPN settled. A tunnel may begin with a PROXY header that names its client, in clear and ahead of TLS. Endpoints
// at unix sockets are reached in the same ways. Checks, and whoever else may block, use [Endpoint.Dial].
//
// A pool has the connections of one loop to one endpoint; it grows with what the endpoint's SETTINGS allow. Each
// stream has windows of its own, credited when its client took the bytes, so that one that reads slowly holds up
// nobody else, and no more than its window.
//
// # Who owns what
//
// A group and its endpoints may be used from any goroutine. A stream belongs to the loop that opened it, and
// so do all calls of its sink. Bytes given to a sink are lent until the call returns.
package upstream
