package limits

import (
	"net/netip"
	"sync"
	"sync/atomic"
)

// Answer is what a Count says to somebody who would like to enter.
type Answer uint8

const (
	In          Answer = iota // counted among all alone, until Leave without an address
	InByAddress               // counted among those of its address, too, until Leave with it
	Full                      // there are as many as there may be
	AddressFull               // there are as many of this address
)

// Count bounds how many there are of something, in all and from each address.
type Count struct {
	prefix int // immutable

	// Any goroutine.
	max, perAddress atomic.Int64
	total           atomic.Int64
	mu              sync.Mutex
	heads           heads // under mu; unused where addresses are not bounded
}

// NewCount makes a Count for max in all and perAddress from one address, 0 for any number. Of an IPv6 address the first
// prefix bits are what one client has.
func NewCount(max, perAddress, prefix int) *Count {
	c := &Count{prefix: prefix, heads: heads{}}
	c.Set(max, perAddress)
	return c
}

// Set bounds those who come from now on. Who is in stays as it was counted: while addresses are not bounded, nobody is
// counted by them.
func (c *Count) Set(max, perAddress int) {
	c.max.Store(int64(max))
	c.perAddress.Store(int64(perAddress))
}

// PerAddress tells whether addresses are bounded.
func (c *Count) PerAddress() bool { return c.perAddress.Load() > 0 }

// Enter counts one more from ip, unless there are too many. A peer without an address is counted among all alone. Whoever
// enters remembers which of the two it was, as the bounds may change meanwhile.
func (c *Count) Enter(ip netip.Addr) Answer {
	if c.total.Add(1) > c.max.Load() {
		c.total.Add(-1)
		return Full
	}
	if !c.PerAddress() || !ip.IsValid() {
		return In
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if key := clientOf(ip, c.prefix); int64(c.heads[key]) < c.perAddress.Load() {
		c.heads[key]++
		return InByAddress
	}
	c.total.Add(-1)
	return AddressFull
}

// Again counts one among all that was in before, however many there are now.
func (c *Count) Again() { c.total.Add(1) }

// Leave takes one off that has entered: with its address if it was counted by that, else without.
func (c *Count) Leave(ip netip.Addr) {
	c.total.Add(-1)
	if !ip.IsValid() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heads.leave(clientOf(ip, c.prefix))
}

// Len is how many are in.
func (c *Count) Len() int { return int(c.total.Load()) }

// Max is how many may be.
func (c *Count) Max() int { return int(c.max.Load()) }

// heads has an entry for each address that somebody is in from.
type heads map[netip.Addr]int32

func (h heads) leave(key netip.Addr) {
	if h[key]--; h[key] <= 0 {
		delete(h, key)
	}
}

// clientOf is the part of an address that one client has for itself.
func clientOf(ip netip.Addr, prefix int) netip.Addr {
	ip = ip.Unmap()
	if p, err := ip.Prefix(prefix); ip.Is6() && err == nil {
		return p.Addr()
	}
	return ip
}
