package netpoll

// write encrypts b behind what is queued.
func (s *secure) write(b []byte) {
	if s.stage != standing || s.plain != nil || s.conn.loop.collecting && len(b) < collectable {
		s.queue(b)
		if s.stage == standing && !s.conn.loop.collecting {
			s.seal()
		}
		return
	}
	s.encrypt(b)
}

// queue keeps b until the batch, or the handshake, is over.
func (s *secure) queue(b []byte) {
	if s.plain == nil {
		s.plain = s.conn.buffers().Get()
	}
	s.plain.B = append(s.plain.B, b...)
	s.conn.loop.stats.Buffered += len(b)
	if s.stage == standing && !s.conn.has(queued) {
		s.conn.flushLater()
	}
}

// queued is how many bytes wait to be encrypted.
func (s *secure) queued() int {
	if s.plain == nil {
		return 0
	}
	return len(s.plain.B)
}

// seal encrypts what is queued.
func (s *secure) seal() {
	plain := s.plain
	if plain == nil || s.stage != standing {
		return
	}
	s.plain = nil
	s.conn.loop.stats.Buffered -= len(plain.B)
	s.encrypt(plain.B)
	s.conn.buffers().Put(plain)
}

// encrypt makes records of b and sends them, with one system call.
func (s *secure) encrypt(b []byte) {
	s.corked = len(b) > maxPlain
	_, err := s.tls.Write(b)
	if s.corked {
		s.corked = false
		s.conn.flush()
	}
	if err != nil && s.conn.Open() {
		s.conn.fail(ioError)
	}
}

// closeWrite says good-bye (RFC 8446 section 6.1) before TCP's direction ends.
func (s *secure) closeWrite() {
	if s.stage == standing {
		s.seal()
		_ = s.tls.CloseWrite() // fails only where the connection has
	}
}
