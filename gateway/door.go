package gateway

import (
	"net/netip"
	"os"
	"slices"

	"weir/gateway/limits"
	"weir/netpoll"
)

// door is a loop's listener on one address, and what its clients have to go through before their request is read.
// Owned by the loop.
type door struct {
	shard    *shard // immutable
	name     string // of the listener in the configuration; immutable
	lane     *lane  // of clients whose route is not known yet; nil until a plan that listens here is adopted
	listener *netpoll.Listener
	local    netpoll.Addr
}

// OnAccept begins a session. A client past the limit is answered when its request has come, but not many more: beyond them,
// and where descriptors run short, it is cheaper for all to be turned away at once. All loops count together.
func (d *door) OnAccept(ln *netpoll.Listener, fd int, from netip.AddrPort) {
	sh := d.shard
	b := sh.proc
	if sh.sockets.Full(0) {
		sh.proc.shortage()
	}
	if sh.sockets.Full(refusalFiles) || b.accepted.Enter(netip.Addr{}) != limits.In {
		sh.count.refused[refusedFull.Reason]++
		ln.Refuse(fd)
		return
	}
	s := &session{opened: sh.loop.Now()}
	s.enterLane(d.lane)
	s.setFrom(from)
	if !s.knock() {
		b.accepted.Leave(netip.Addr{})
		sh.count.refused[refusedPerIP.Reason]++
		ln.Refuse(fd)
		d.lane.leave()
		return
	}
	if err := sh.loop.Attach(&s.client, fd, (*clientSide)(s)); err != nil {
		s.leaveDoor()
		b.accepted.Leave(netip.Addr{})
		sh.count.refused[reasonDescriptors]++
		s.lane.leave()
		return
	}
	sh.add(s)
}

// appear says what a client has to go through, which the plan of its first byte decides; one that ends without has to go
// through the same. A client whose listener has gone stays with the plan that it came under.
func (s *session) appear() {
	known := s.phase == announced
	if d := s.lane.door; !known && d.lane != s.lane && d.lane.plan == d.shard.plan {
		s.enterLane(d.lane)
	}
	l, from := s.lane, s.from().Addr()
	switch {
	case !known && l.plan.cfg.ProxyProtocol && l.plan.trusted(from):
		s.phase = announcing
	case l.secure:
		s.phase = securing
	default:
		s.phase = greeting
	}
	if !known && l.plan.trusted(from) {
		s.leaveDoor() // it may be trusted only since it came
	}
}

// knock counts a newcomer, if its address is limited: one that sends no request must not fill the door for all others. Those
// that trusted proxies bring are told apart only by what they send.
func (s *session) knock() (ok bool) {
	proc, ip := s.lane.shard.proc, s.from().Addr()
	if !proc.admitted.PerAddress() || !ip.IsValid() || s.lane.plan.trusted(ip) {
		return true
	}
	ok = proc.atDoor.Enter(ip) == limits.InByAddress // it always bounds addresses
	s.marks.set(knocked, ok)
	return ok
}

// leaveDoor says that the session was admitted, or is over.
func (s *session) leaveDoor() {
	if s.marks.has(knocked) {
		s.marks.set(knocked, false)
		s.lane.shard.proc.atDoor.Leave(s.from().Addr())
	}
}

// add puts a session on the books; its request has to come in time.
func (sh *shard) add(s *session) {
	s.index = int32(len(sh.sessions))
	sh.sessions = append(sh.sessions, s)
	sh.loop.Schedule(&s.timer, s.cfg().HandshakeTimeout, s)
}

// closeDoors closes some of a loop's listeners; those who wait at them are taken first.
func (sh *shard) closeDoors(which func(*door) bool) {
	sh.doors = slices.DeleteFunc(sh.doors, func(d *door) bool {
		if !which(d) {
			return false
		}
		d.listener.Close()
		return true
	})
}

// open runs on the door's loop. Clients wait at it until a plan that listens there is adopted. Only one listener can be bound to a unix socket; the others share it.
func (d *door) open(addr netpoll.Addr, first *netpoll.Listener) (err error) {
	sh := d.shard
	if addr.Path != "" && first != nil {
		d.listener, err = sh.loop.ListenShared(first, d)
	} else {
		d.listener, err = sh.loop.Listen(addr, d)
	}
	if err == nil {
		d.listener.Hold()
		d.local = d.listener.Addr()
		sh.doors = append(sh.doors, d)
	}
	return err
}

// takeOver runs on the door's loop.
func (d *door) takeOver(f *os.File) (err error) {
	sh := d.shard
	if d.listener, err = sh.loop.ListenOn(f, d); err == nil {
		d.listener.Hold()
		d.local = d.listener.Addr()
		sh.doors = append(sh.doors, d)
	}
	return err
}
