// Package http1 reads and writes the HTTP/1.1 heads of a WebSocket handshake (RFC 9112, RFC 6455 section 4), and judges
// those of plain requests, which are served elsewhere.
//
// The way of the data, client to backend and back:
//
//	client's bytes -> Request.Parse -> CheckUpgrade -> Rules.Forward -> AppendUpgrade   -> backend
//	                              \> no AsksUpgrade: the same bytes -> net/http -> Rules.ForwardHeader, AnswerHeader
//	backend's bytes -> Response.Parse -> CheckSwitch -> Rules.Answer -> AppendSwitching -> client
//	                                  \> Body ----------------------> AppendAnswer      -> client (no 101)
//
// Both parsers take all bytes of the head so far and remember offsets only, so the bytes may move between calls and
// each is looked at once. Every line is first searched for bytes that no line may hold, then read as a whole: the
// same fault is found however the bytes were split, and a bare LF or a binary protocol at once.
//
// A head is parsed strictly and what goes out is rebuilt from what was understood. What two parsers could read
// differently (two lengths, folded lines, a space before a colon) is refused, not repaired, so that a second one may
// read a plain request's bytes again and find nothing else in them. A client gets a [Refusal], a backend's fault is a
// [codec.ProtocolError]. Both are constants of this package, listed in [Refusals] and [Faults].
//
// Who asks is a [From]: the socket's other end, or whom trusted proxies in front of us name (Request.Origin). The
// client's own word on that never passes where ours is written.
//
// Fields are views into the bytes that were parsed, into a Rule, or into the caller's scratch. The caller owns all
// of these; a view must not be written to and lives as long as they do. A Request or Response may be used again
// after Reset and then allocates nothing.
package http1
