// Package sticky makes and reads the cookie that keeps a client at one endpoint.
//
//	first answer:   endpoint's ID -- SetCookie -->  Set-Cookie: NAME=token; Path=/; ...
//	later requests: Cookie: NAME=token -- Read -->  the ID, if the token is ours and not too old
//
// A token names an endpoint by a hash of its name, so it shows no address. Its signature keeps a client from choosing
// an endpoint by guessing, and so from loading one alone or from telling which there are. Whether the endpoint still
// exists and is well is for the caller to see; a cookie never forces a choice.
//
// A [Cookie] is immutable and free for any goroutine. All gateways that share clients need the same key and name.
package sticky
