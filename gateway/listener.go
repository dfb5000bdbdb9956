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
type listener struct {
	shard  *shard // immutable
	name   string // of the listener in the configuration; immutable
	lane   *lane  // of clients whose route is not known yet; nil until a plan that listens here is adopted
	socket *netpoll.Listener
	local  netpoll.Addr
}

// refusalFiles are for clients that hear that there is no room. With plenty of descriptors there may be more of them.
const refusalFiles = 64

// OnAccept begins a session. A client past the limit is answered when its request has come, but not many more: beyond them,
// and where descriptors run short, it is cheaper for all to be turned away at once. All loops count together.
func (d *listener) OnAccept(ln *netpoll.Listener, fd int, from netip.AddrPort) {
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
	if !s.enterNewcomers() {
		b.accepted.Leave(netip.Addr{})
		sh.count.refused[refusedPerIP.Reason]++
		ln.Refuse(fd)
		d.lane.leave()
		return
	}
	if err := sh.loop.Attach(&s.client, fd, (*clientSide)(s)); err != nil {
		s.leaveNewcomers()
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
	if d := s.lane.listener; !known && d.lane != s.lane && d.lane.plan == d.shard.plan {
		s.enterLane(d.lane)
	}
	l, from := s.lane, s.from().Addr()
	switch {
	case !known && l.plan.config.ProxyProtocol && l.plan.isProxy(from):
		s.phase = announcing
	case l.secure:
		s.phase = securing
	default:
		s.phase = greeting
	}
	if !known && l.plan.isProxy(from) {
		s.leaveNewcomers() // it may be trusted only since it came
	}
}

// knock counts a newcomer, if its address is limited: one that sends no request must not fill the door for all others. Those
// that trusted proxies bring are told apart only by what they send.
func (s *session) enterNewcomers() (ok bool) {
	proc, ip := s.lane.shard.proc, s.from().Addr()
	if !proc.admitted.PerAddress() || !ip.IsValid() || s.lane.plan.isProxy(ip) {
		return true
	}
	ok = proc.newcomers.Enter(ip) == limits.In
	s.marks.set(newcomer, ok)
	return ok
}

// leaveDoor says that the session was admitted, or is over.
func (s *session) leaveNewcomers() {
	if s.marks.has(newcomer) {
		s.marks.set(newcomer, false)
		s.lane.shard.proc.newcomers.Leave(s.from().Addr())
	}
}

// add puts a session on the books; its request has to come in time.
func (sh *shard) add(s *session) {
	s.index = int32(len(sh.sessions))
	sh.sessions = append(sh.sessions, s)
	sh.loop.Schedule(&s.timer, s.cfg().HandshakeTimeout, s)
}

// closeDoors closes some of a loop's listeners; those who wait at them are taken first.
func (sh *shard) closeListeners(which func(*listener) bool) {
	sh.listeners = slices.DeleteFunc(sh.listeners, func(d *listener) bool {
		if !which(d) {
			return false
		}
		d.socket.Close()
		return true
	})
}

// open runs on the door's loop. Clients wait at it until a plan that listens there is adopted. Only one listener can be bound to a unix socket; the others share it.
func (d *listener) open(addr netpoll.Addr, first *netpoll.Listener) (err error) {
	sh := d.shard
	if addr.Path != "" && first != nil {
		d.socket, err = sh.loop.ListenShared(first, d)
	} else {
		d.socket, err = sh.loop.Listen(addr, d)
	}
	if err == nil {
		d.socket.Hold()
		d.local = d.socket.Addr()
		sh.listeners = append(sh.listeners, d)
	}
	return err
}

// takeOver runs on the door's loop.
func (d *listener) takeOver(f *os.File) (err error) {
	sh := d.shard
	if d.socket, err = sh.loop.ListenOn(f, d); err == nil {
		d.socket.Hold()
		d.local = d.socket.Addr()
		sh.listeners = append(sh.listeners, d)
	}
	return err
}
