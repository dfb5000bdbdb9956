package session

import (
	"net/netip"
	"os"
	"slices"

	"weir/gateway/limits"
	"weir/gateway/reasons"
	"weir/netpoll"
)

// Listener is a loop's listener on one address, and what its clients have to go through before their request is read.
// Owned by the loop.
type Listener struct {
	Shard  *Shard // immutable
	Name   string // of the listener in the configuration; immutable
	lane   *lane  // of clients whose route is not known yet; nil until a plan that listens here is adopted
	Socket *netpoll.Listener
	Local  netpoll.Addr
}

// refusalFiles are for clients that hear that there is no room. With plenty of descriptors there may be more of them.
const refusalFiles = 64

// OnAccept begins a session. A client past the limit is answered when its request has come, but not many more: beyond them,
// and where descriptors run short, it is cheaper for all to be turned away at once. All loops count together.
func (d *Listener) OnAccept(ln *netpoll.Listener, fd int, from netip.AddrPort) {
	sh := d.Shard
	b := sh.proc
	if sh.sockets.Full(0) {
		sh.proc.shortage()
	}
	if sh.sockets.Full(refusalFiles) || b.accepted.Enter(netip.Addr{}) != limits.In {
		sh.count.Refused[reasons.RefusedFull.Reason]++
		ln.Refuse(fd)
		return
	}
	s := &session{opened: sh.Loop.Now()}
	s.enterLane(d.lane)
	s.setFrom(from)
	if !s.enterNewcomers() {
		b.accepted.Leave(netip.Addr{})
		sh.count.Refused[reasons.RefusedPerIP.Reason]++
		ln.Refuse(fd)
		d.lane.leave()
		return
	}
	if err := sh.Loop.Attach(&s.client, fd, (*clientSide)(s)); err != nil {
		s.leaveNewcomers()
		b.accepted.Leave(netip.Addr{})
		sh.count.Refused[reasons.Descriptors]++
		s.lane.leave()
		return
	}
	sh.add(s)
}

// appear says what a client has to go through, which the plan of its first byte decides; one that ends without has to go
// through the same. A client whose listener has gone stays with the plan that it came under.
func (s *session) appear() {
	known := s.phase == announced
	if d := s.lane.listener; !known && d.lane != s.lane && d.lane.plan == d.Shard.plan {
		s.enterLane(d.lane)
	}
	l, from := s.lane, s.from().Addr()
	switch {
	case !known && l.plan.Config.ProxyProtocol && l.plan.IsProxy(from):
		s.phase = announcing
	case l.secure:
		s.phase = securing
	default:
		s.phase = greeting
	}
	if !known && l.plan.IsProxy(from) {
		s.leaveNewcomers() // it may be trusted only since it came
	}
}

// enterNewcomers counts a newcomer, if its address is limited: one that sends no request must not keep all others out. Those
// that trusted proxies bring are told apart only by what they send.
func (s *session) enterNewcomers() (ok bool) {
	proc, ip := s.lane.shard.proc, s.from().Addr()
	if !proc.Admitted.PerAddress() || !ip.IsValid() || s.lane.plan.IsProxy(ip) {
		return true
	}
	ok = proc.newcomers.Enter(ip) == limits.InByAddress // it always bounds addresses
	s.marks.set(newcomer, ok)
	return ok
}

// leaveNewcomers says that the session was admitted, or is over.
func (s *session) leaveNewcomers() {
	if s.marks.has(newcomer) {
		s.marks.set(newcomer, false)
		s.lane.shard.proc.newcomers.Leave(s.from().Addr())
	}
}

// add puts a session on the books; its request has to come in time.
func (sh *Shard) add(s *session) {
	s.index = int32(len(sh.sessions))
	sh.sessions = append(sh.sessions, s)
	sh.Loop.Schedule(&s.timer, s.cfg().HandshakeTimeout, s)
}

// CloseListeners closes some of a loop's listeners; those who wait at them are taken first.
func (sh *Shard) CloseListeners(which func(*Listener) bool) {
	sh.Listeners = slices.DeleteFunc(sh.Listeners, func(d *Listener) bool {
		if !which(d) {
			return false
		}
		d.Socket.Close()
		return true
	})
}

// Open runs on the listener's loop. Clients wait at it until a plan that listens there is adopted. Only one listener can be bound to a unix socket; the others share it.
func (d *Listener) Open(addr netpoll.Addr, first *netpoll.Listener) (err error) {
	sh := d.Shard
	if addr.Path != "" && first != nil {
		d.Socket, err = sh.Loop.ListenShared(first, d)
	} else {
		d.Socket, err = sh.Loop.Listen(addr, d)
	}
	if err == nil {
		d.Socket.Hold()
		d.Local = d.Socket.Addr()
		sh.Listeners = append(sh.Listeners, d)
	}
	return err
}

// TakeOver runs on the listener's loop.
func (d *Listener) TakeOver(f *os.File) (err error) {
	sh := d.Shard
	if d.Socket, err = sh.Loop.ListenOn(f, d); err == nil {
		d.Socket.Hold()
		d.Local = d.Socket.Addr()
		sh.Listeners = append(sh.Listeners, d)
	}
	return err
}
