package gateway

import (
	"weir/codec/http1"
	"weir/gateway/auth"
)

// credential is a request as its authentication sees it.
func credential(r *http1.Request, q *question) auth.Request {
	return auth.Request{Method: r.Method, Host: r.Host, Target: r.Target, Path: r.Path, Query: r.Query, Fields: r.Fields,
		Client: q.from.Addr, TLS: q.from.TLS}
}

// clean drops from what a client sent what it says itself about who comes, and its credential where that is asked for.
// Rules on header fields work on what is left, and what is known of who comes is added behind them.
func (r *route) clean(fields []http1.Field, target []byte, who *auth.Identity) ([]http1.Field, []byte) {
	kept := fields[:0]
	for _, f := range fields {
		if !r.gate.isClaimed(f.Name) {
			kept = append(kept, f)
		}
	}
	if who != nil && (r.cfg.AuthStrip || who.Unproved) {
		kept, target = who.Strip.Fields(kept[:0], kept), who.Strip.Target(target)
	}
	return kept, target
}

func (d *gate) isClaimed(name []byte) bool {
	for _, claimed := range d.claimed {
		if http1.Alike(name, claimed) {
			return true
		}
	}
	return false
}
