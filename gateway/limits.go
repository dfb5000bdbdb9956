package gateway

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"weir/codec/http1"
)

// limits counts what is bounded across all loops. It is touched once when a session is admitted and once when
// it ends, never by a message.
type limits struct {
	max, maxPerIP int // immutable; maxPerIP 0: none
	prefix        int // bits of an IPv6 address that count as one client; immutable

	// Any goroutine.
	connections atomic.Int64
	mu          sync.Mutex
	perIP       map[netip.Addr]int32 // one entry for each address with a session; unused without a limit
}

// enter counts a connection from ip, unless there are too many.
func (l *limits) enter(ip netip.Addr) *http1.Refusal {
	if l.connections.Add(1) > int64(l.max) {
		l.connections.Add(-1)
		return refusedFull
	}
	if l.maxPerIP > 0 && ip.IsValid() && !l.enterIP(ip) {
		l.connections.Add(-1)
		return refusedPerIP
	}
	return nil
}

// clientOf is the part of an address that one client has for itself.
func (l *limits) clientOf(ip netip.Addr) netip.Addr {
	if p, err := ip.Prefix(l.prefix); ip.Is6() && err == nil {
		return p.Addr()
	}
	return ip
}

func (l *limits) enterIP(ip netip.Addr) bool {
	ip = l.clientOf(ip)
	l.mu.Lock()
	defer l.mu.Unlock()
	if int(l.perIP[ip]) >= l.maxPerIP {
		return false
	}
	l.perIP[ip]++
	return true
}

// leave takes a connection off that has entered.
func (l *limits) leave(ip netip.Addr) {
	l.connections.Add(-1)
	if l.maxPerIP == 0 || !ip.IsValid() {
		return
	}
	ip = l.clientOf(ip)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.perIP[ip]--; l.perIP[ip] <= 0 {
		delete(l.perIP, ip)
	}
}
