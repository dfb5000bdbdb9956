package gateway

import "weir/codec/http1"

// Sessions of other protocols than WebSocket (upgrade-other). Their bytes pass unread, and they end as TCP does: each side may
// end its direction and still hear the other. The gateway ends both.

// asksOther notes whether a request, which is no WebSocket handshake, asks for another protocol that the route lets pass.
func (h *handshake) asksOther(to *route, q *question) {
	h.other = ""
	if !q.upgrade {
		h.other = h.request.AsksFor(to.cfg.UpgradeOther)
		q.upgrade = h.other != ""
	}
}

// check tells whether the request is a handshake of its protocol.
func (h *handshake) check() *http1.Refusal {
	if h.other != "" {
		return h.request.CheckOther()
	}
	return h.request.CheckUpgrade()
}

// endClient ends the direction to the client behind what was sent there.
func (s *session) endClient() {
	s.down.closed = true
	s.client.CloseWrite()
	if s.stream != nil {
		s.stream.Resume() // what it sends is dropped
	}
}

// opaqueClientEnded passes the end of the client's direction on. The session is over when the backend has ended its own.
func (s *session) opaqueClientEnded() {
	s.closeBackend(0, "")
	if s.down.eof {
		s.begin(reasonBackendClose, 0)
	}
	s.settle()
}

// opaqueBackendEnded is the mirror image, or the end of all where the backend was lost.
func (s *session) opaqueBackendEnded(reason string) {
	if !s.down.closed {
		s.endClient()
	}
	switch {
	case s.stream == nil:
		s.begin(reason, 0)
	case s.up.eof:
		s.begin(reasonClientClose, 0)
	}
	s.settle()
}
