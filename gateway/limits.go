package gateway

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"weir/codec/http1"
)

// limits counts what is bounded across all loops. It is touched when a client comes, when it is admitted and when it
// goes, never by a message.
type limits struct {
	max, maxPerIP int // immutable; maxPerIP 0: none
	prefix        int // bits of an IPv6 address that count as one client; immutable

	// Any goroutine.
	connections atomic.Int64
	mu          sync.Mutex
	perIP       headcount // those admitted; unused without a limit, as is atDoor
	atDoor      headcount // those whose request is still to come
}

// headcount has one entry for each address with a connection.
type headcount map[netip.Addr]int32

func (t headcount) enter(ip netip.Addr, most int) bool {
	if int(t[ip]) >= most {
		return false
	}
	t[ip]++
	return true
}

func (t headcount) leave(ip netip.Addr) {
	if t[ip]--; t[ip] <= 0 {
		delete(t, ip)
	}
}

// leastAtDoor is how many clients of one address may be on their way in, however few may be admitted: those beyond are
// told so, as long as there are not many more.
const leastAtDoor = 16

// knock counts a client from ip whose request is still to come, unless as many wait at the door already as may come in.
func (l *limits) knock(ip netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.atDoor.enter(l.clientOf(ip), max(l.maxPerIP, leastAtDoor))
}

// leaveDoor takes a client off that has knocked.
func (l *limits) leaveDoor(ip netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.atDoor.leave(l.clientOf(ip))
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
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.perIP.enter(l.clientOf(ip), l.maxPerIP)
}

// leave takes a connection off that has entered.
func (l *limits) leave(ip netip.Addr) {
	l.connections.Add(-1)
	if l.maxPerIP == 0 || !ip.IsValid() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.perIP.leave(l.clientOf(ip))
}
