package upstream

import (
	"context"

	"weir/upstream/discovery"
)

// SaysEmpty tells whether what a resolver says of a host means that it has no address.
func SaysEmpty(r Resolver, host string) bool {
	_, err := r.LookupIP(context.Background(), host, discovery.Auto)
	return isEmpty(err)
}
