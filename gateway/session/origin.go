package session

import (
	"crypto/tls"
	"net/netip"

	"weir/codec/http1"
)

// origin is who sent a handshake: the socket's other end, or whom trusted proxies name.
func (s *session) origin(state *tls.ConnectionState) http1.From {
	p, h := s.lane.plan, s.hs
	if !h.asked {
		h.peer, h.asked = s.from().Addr(), true // who asks again is believed by now
	}
	peer := h.peer
	from := h.request.Origin(peer, s.client.Secured(), p.Trusts(s.marks.has(nameless)), h.hops[:0])
	h.hops = from.Hops
	from.Identity = p.Identity(string(h.request.Host), state)
	return from
}

// believe takes the client that a request names for the session's. A connection that goes on to further requests, of
// other clients of the same proxy, must not.
func (s *session) believe(client netip.Addr) {
	if client != s.from().Addr() {
		s.leaveNewcomers() // trusted only since it came
		s.setFrom(netip.AddrPortFrom(client, 0))
	}
}

// local is where the client connected to.
func (s *session) local() netip.AddrPort {
	if h := s.hs; h != nil && h.local.IsValid() {
		return h.local
	}
	return s.lane.listener.Local.AddrPort
}
