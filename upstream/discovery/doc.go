// Package discovery finds out at which addresses a backend serves. Each source yields whole sets, so that whoever takes
// them need not know how a set came about:
//
//	dns    A, AAAA and SRV records, with the times that they may be kept
//	kube   the EndpointSlices of a Kubernetes Service
//
// A source knows nothing of what is done with its targets.
package discovery

import "net/netip"

// A Target is one address at which a backend serves.
type Target struct {
	Addr     netip.AddrPort
	Weight   int    // 0: the source does not say
	Priority int    // 0 is used first
	Zone     string // "": the source does not say
	Leaving  bool   // it serves those it has, and takes no newcomers
}
