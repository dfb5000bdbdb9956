package session

import (
	"errors"
	"net"
	"net/netip"
	"slices"

	"weir/gateway/reasons"
	"weir/gateway/web"
)

// Plain HTTP beside WebSocket. The loop reads a request's head; if no WebSocket is asked for, the connection goes to
// net/http on a goroutine of its own, with the bytes already read, and stays there. Should a later request on it be a
// WebSocket handshake, it comes back.

// handOver gives the client's connection to the HTTP server; early is what was read of it. The session is over, but
// the connection still counts against the limits: those of the client's address, but for a proxy's, which carries the
// requests of many.
func (s *session) handOver(early []byte, client netip.Addr) {
	sh := s.lane.shard
	p, charged := sh.proc, client
	if s.lane.plan.IsProxy(s.from().Addr()) {
		charged = netip.Addr{}
	}
	if why := p.admit(s, charged); why != nil {
		s.believe(client)
		if early == nil { // HTTP/2: there is no request yet to answer
			s.turnAway(why.Reason)
		} else {
			s.refuse(why)
		}
		return
	}
	if !s.marks.has(byAddress) {
		charged = netip.Addr{}
	}
	c := &web.Client{Peer: s.from(), Nameless: s.marks.has(nameless), Local: s.local(), TLS: s.client.TLSState(), Terms: s.lane.plan.TLSTermsOf(s.client.TLSState()), Owner: s.lane.listener, Closed: func() { p.Admitted.Leave(charged); p.accepted.Leave(netip.Addr{}) }}
	s.marks.set(admitted, false) // the connection's end takes it off, not the session's
	s.marks.set(handed, true)
	conn := s.client.Detach(early)
	if err := p.Web.Serve(conn, c); err != nil {
		why := reasons.RefusedFull
		if errors.Is(err, web.ErrClosed) {
			why = reasons.RefusedDraining
		}
		status := 0
		if early != nil {
			status = why.Status
			_, _ = conn.Write(s.dressed(why).Append(nil)) // never waits: there is room for that much
		}
		sh.count.Refused[why.Reason]++
		s.logRefused(status, why.Reason)
		_ = conn.Close()
		c.Closed()
	}
	s.finish()
}

// takeBack begins a session on a connection that was handed over, with the WebSocket handshake that came on it.
func takeBack(conn net.Conn, c *web.Client, head, early []byte) {
	d := c.Owner.(*Listener)
	if d.Shard.Loop.Post(func() { d.takeBack(conn, c, slices.Concat(head, early)) }) != nil {
		_ = conn.Close()
	}
}

func (d *Listener) takeBack(conn net.Conn, c *web.Client, read []byte) {
	sh := d.Shard
	s := &session{opened: sh.Loop.Now(), phase: greeting}
	l := d.lane
	if l.plan != sh.plan { // the listener has gone
		l = &lane{shard: sh, listener: d, plan: sh.plan}
	}
	s.enterLane(l)
	s.setFrom(c.Peer)
	s.marks.set(nameless, c.Nameless)
	rest, err := sh.Loop.Adopt(&s.client, conn, (*clientSide)(s))
	if err != nil {
		_ = conn.Close()
		s.lane.leave()
		return
	}
	sh.proc.accepted.Again()
	sh.add(s)
	s.hs = newHandshake()
	s.hs.terms = c.Terms
	if d.Local.AddrPort != c.Local {
		s.hs.local = c.Local
	}
	s.greet(append(read, rest...))
	if sh.drain.active {
		s.drain()
	}
}
