package limits

import (
	"net/netip"
	"sync"
)

// Shares are places of which an address may have as many as are still free.
type Shares struct {
	// Immutable.
	most   int
	prefix int

	mu    sync.Mutex
	taken int
	heads heads
}

// NewShares makes so many places. Of an IPv6 address the first prefix bits are what one client has.
func NewShares(most, prefix int) *Shares {
	return &Shares{most: most, prefix: prefix, heads: heads{}}
}

// Enter takes a place for ip, until Leave, unless the address has its share. Peers without an address share one.
func (s *Shares) Enter(ip netip.Addr) bool {
	key := clientOf(ip, s.prefix)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.room(key) {
		return false
	}
	s.heads[key]++
	s.taken++
	return true
}

// Room tells whether Enter would take a place.
func (s *Shares) Room(ip netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.room(clientOf(ip, s.prefix))
}

func (s *Shares) room(key netip.Addr) bool { return int(s.heads[key]) < s.most-s.taken }

// Leave gives a place back that ip has taken.
func (s *Shares) Leave(ip netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	s.heads.leave(clientOf(ip, s.prefix))
}
