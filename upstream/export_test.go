package upstream

import "context"

// SaysEmpty tells whether what a resolver says of a host means that it has no address.
func SaysEmpty(r Resolver, host string) bool {
	_, err := r.LookupNetIP(context.Background(), "ip", host)
	return isEmpty(err)
}
