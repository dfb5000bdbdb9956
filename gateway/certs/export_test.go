package certs

import (
	"context"
	"time"
)

// TicketKey and ParseTicketKeys are of no use to others than a Store and its tests.
type TicketKey = ticketKey

var ParseTicketKeys = parseTicketKeys

// RenewNow is the round that certmagic makes every ten minutes.
func (s *Store) RenewNow(ctx context.Context) error {
	return s.acme.cache.RenewManagedCertificates(ctx)
}

// KeysAt are those that tickets are sealed and opened with at a time.
func (s *Secrets) KeysAt(now time.Time) []TicketKey { return s.keys(now) }
