// Package upstream knows the backends: who they are, which one a session gets, whether they are well, and how
// one is reached. It knows nothing of clients, configuration files or metrics' names.
//
// # Who and which
//
// A [Spec] is what a user writes; a [Group] turns specs into [Endpoint]s, resolving names again and again,
// watching their health, and publishing an immutable table that [Group.Pick] reads from any goroutine. The
// choice is consistent hashing with bounded loads (package balance); probes are package health.
//
// # How
//
// A [Dialer] opens a [Stream] for a session: the session hands over a [Request] made of what it understood,
// and hears of the rest through its [Sink]. The only stream now is the tunnel, a connection of its own. It
// connects, trying other endpoints if that fails; writes the upgrade request; parses the answer strictly; and
// from then on passes bytes, which it never looks at. A session cannot tell which kind of stream it has.
//
// # Who owns what
//
// A group and its endpoints may be used from any goroutine. A stream belongs to the loop that opened it, and
// so do all calls of its sink. Bytes given to a sink are lent until the call returns.
package upstream
