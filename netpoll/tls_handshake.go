package netpoll

// recordHeader is the length of a record's header, whose first byte says what the record holds.
const (
	recordHeader    = 5
	recordHandshake = 22
)

// OnConnect begins a client's handshake.
func (s *secure) OnConnect(*Conn) { s.shake() }

// greet waits for the first record, so that a client that is slow with it costs no goroutine. What is no handshake
// goes to the connection's handler as it is.
func (s *secure) greet(c *Conn, b []byte) {
	w := s.wire.goes
	w.OnData(c, b)
	switch h := w.in; {
	case h[0] != recordHandshake:
		in, _ := w.release()
		s.stepAside()
		s.inner.OnData(c, in)
	case len(h) >= recordHeader && wholeOrTooLarge(h) || len(h) >= handshakeRoom:
		s.shake()
	}
}

// wholeOrTooLarge tells whether the record that h begins with is there, or will be refused for the length it claims.
func wholeOrTooLarge(h []byte) bool {
	length := int(h[3])<<8 | int(h[4])
	return len(h) >= recordHeader+length || length > maxPlain+2048 // crypto/tls' limit
}

// stepAside makes the connection one in clear. What was written for TLS must not go out so, and is dropped.
func (s *secure) stepAside() {
	c := s.conn
	s.drop()
	c.handler = s.inner
	c.clear(secured | finSent)
	if c.flags&(finWanted|wantDrain) != 0 {
		c.flushLater()
	}
}

func (s *secure) shake() {
	s.stage = shaking
	s.conf.Handshakes.run(s, s.wire.goes.from)
}

// handshake runs on a goroutine, see Handshakes.
func (s *secure) handshake() {
	if s.wire.goes.failed() {
		return // the connection was closed while it waited for its turn
	}
	err := s.tls.Handshake()
	if s.wire.goes.loop.Post(func() { s.shook(err) }) != nil {
		return // the loop is gone, and the connection with it
	}
}

// shook ends the handshake on the loop.
func (s *secure) shook(err error) {
	c := s.conn
	if s.stage != shaking || !c.Open() {
		return
	}
	s.wire.goes.flush() // our last words of the handshake, or the alert
	if err != nil {
		s.fail(&HandshakeError{err})
		return
	}
	s.stage, s.ongoing = standing, nil
	in, ended := s.wire.goes.release()
	s.wire.goes, s.wire.rest = nil, in
	s.lend()
	s.trim()
	if c.has(finSent) { // it was not: CloseWrite came before its time
		c.clear(finSent)
		s.closeWrite()
	}
	s.inner.OnConnect(c)
	if s.stands() {
		c.flush()
	}
	if s.stands() {
		s.read(s.wire.rest)
	}
	if ended && s.stands() {
		s.OnEOF(c)
	}
}
