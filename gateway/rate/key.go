package rate

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
)

// Key is what a Table or Counts tells its entries apart by. Make it once for a session.
type Key [16]byte

// IPKey is an address, of IPv6 only its first v6bits bits (1 to 128; 64 is what one customer gets at least), as whoever
// has one such address has all of them. The zero Addr, a peer without one, has a key of its own.
func IPKey(a netip.Addr, v6bits int) Key {
	a = a.Unmap()
	switch {
	case a.Is6():
		p, _ := a.WithZone("").Prefix(min(max(v6bits, 1), a.BitLen()))
		return p.Addr().As16()
	case a.Is4():
		return a.As16()
	}
	return Key{0: 0xff, 15: 0xff} // multicast, which sends nothing
}

var stringSeeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

// StringKey is a hash of s, another one in each process, so that nobody can choose names that share a key.
func StringKey(s string) (k Key) {
	binary.NativeEndian.PutUint64(k[:8], maphash.String(stringSeeds[0], s))
	binary.NativeEndian.PutUint64(k[8:], maphash.String(stringSeeds[1], s))
	return k
}
