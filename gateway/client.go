package gateway

import "weir/netpoll"

// clientSide is a session as its client's connection sees it: the same memory, other methods.
type clientSide session

func (c *clientSide) OnData(_ *netpoll.Conn, b []byte) {
	s := (*session)(c)
	switch s.phase {
	case talking:
		s.up.heard = s.now()
		s.forwardUp(b)
	case greeting:
		s.greet(b)
	case silent, announced:
		s.firstHeard(b)
	case announcing:
		s.announce(b)
	case securing:
		s.notSecured()
	case refusing:
		if s.down.closed {
			s.dropUp(b)
		}
	}
}

func (c *clientSide) OnDrained(*netpoll.Conn) {
	s := (*session)(c)
	s.caughtUp()
	s.chargeQueues()
	if s.stream != nil {
		s.stream.Resume()
	}
	s.settle()
}

func (c *clientSide) OnEOF(*netpoll.Conn) {
	s := (*session)(c)
	if s.isSilent() {
		s.gone(reasonNothingSent)
		return
	}
	if s.phase != talking {
		s.gone(reasonClientGone)
		return
	}
	if s.more != nil && !s.up.closed && (s.more.rest != nil || s.inGrace()) {
		s.more.ended = true // told again behind the rest
		return
	}
	s.up.eof = true
	if s.marks.has(opaque) {
		s.opaqueClientEnded()
		return
	}
	s.begin(reasonClientEOF, 0)
	switch {
	case s.up.due != 0:
		s.closeBackend(s.up.due, s.ending().reason)
	case s.stream != nil && !s.up.closed:
		s.stream.CloseWrite() // else a close frame has gone, and the backend ends by itself
	}
	s.bothClosed()
}

func (c *clientSide) OnClose(_ *netpoll.Conn, err error) {
	s := (*session)(c)
	if s.isSilent() {
		s.gone(reasonNothingSent)
		return
	}
	if s.phase == securing {
		s.tlsFailed(err)
		return
	}
	if s.phase != talking {
		s.gone(reasonClientGone)
		return
	}
	s.begin(reasonClientLost, 0)
	s.down.closed = true
	if !s.up.closed && (s.more.rest != nil || s.inGrace()) {
		s.more.ended = true // the rest first
	} else {
		s.up.eof = true
	}
	if s.up.due != 0 {
		s.closeBackend(s.up.due, s.ending().reason)
	}
	s.settle()
	if s.stream != nil && s.up.eof && !s.up.closed { // it has not taken everything yet
		s.stream.CloseWrite()
	}
	if s.stream != nil {
		s.stream.Resume() // what it sends is dropped
	}
}
