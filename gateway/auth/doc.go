// Package auth decides who may connect, before any backend is touched: by JWT, by basic auth or API keys from a file,
// or by asking an HTTP service.
//
// # The way of a request
//
//	Policy.Now, on the caller's goroutine -- decided --> Outcome
//	    \-- has to wait --> Request.Clone --> Policy.Wait, on another goroutine --> Outcome
//
// Each method is asked in turn, JWT, basic, keys, then the service; the first whose credential is present decides.
// Now answers what takes microseconds: signatures by keys at hand, API keys, and whatever is still remembered. What it
// leaves to Wait: a key id that is not in the set while a fetch is allowed, bcrypt, and a call of the service.
//
// # What is trusted
//
// Algorithms and keys come from the options. Of a token's own header only alg and kid are read, and both only choose
// among what is configured; each key serves the algorithms of its own type alone (RFC 8725 sections 3.1 and 3.5). A
// JSON object that names a member twice, or nests deeply, is refused wherever it comes from. So is a request with
// two credentials in one place, as a backend could read the other.
//
// # Who owns what
//
// A [Policy] is immutable but for what it swaps in whole: key sets and files. It is free for any goroutine. Identities
// may be remembered and shared: nobody changes one. Start runs one goroutine if keys come from a URL; calls of the
// service run on goroutines of their own, their number bounded. Close ends all of them.
//
// # Bounds
//
// A token has at most 8 KiB and 8 levels; it is tried against at most 4 keys. A key set has at most 1 MiB and 256
// keys, is fetched at most once per window however many unknown tokens come, and stays when a fetch fails. What a
// service's answer adds has at most 8 KiB. Tables of remembered answers have a size; those of refused credentials are
// apart, so that a flood of bad ones cannot push out the good.
//
// No error, detail or String holds a credential or a query string.
package auth
