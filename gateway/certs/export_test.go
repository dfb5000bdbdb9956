package certs

import "context"

// RenewNow is the round that certmagic makes every ten minutes.
func (s *Store) RenewNow(ctx context.Context) error {
	return s.acme.cache.RenewManagedCertificates(ctx)
}
