// Package dns asks name servers for the addresses of a host (A and AAAA records) and for those of a service (SRV records,
// RFC 2782), and tells how long an answer may be kept.
//
// It behaves as Go's own resolver does with PreferGo and StrictErrors, which yields neither TTLs nor additional records.
// The hosts file comes first. Name servers, search list and options are those of resolv.conf. Both files are read again
// once they have changed. A query goes out by UDP, and by TCP if the answer is truncated. A server that does not answer,
// or says that it failed, is followed by the next one.
//
// # Failures and empty answers
//
// Errors are a *net.DNSError. IsNotFound is set only if name servers said that there is no such record, so that nothing is
// known to exist. Any other error means that nothing is known: what was found before should stay. If one of the two
// address families fails, the whole look-up fails, so that half an answer never passes for a whole one.
//
// # Who owns what
//
// A Resolver may be used from any goroutine. It keeps no answers, no sockets and no goroutines between look-ups. Each
// look-up ends when its context does.
package dns
