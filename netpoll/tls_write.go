package netpoll

import (
	"math"

	"golang.org/x/sys/unix"
)

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

// encrypt makes records of b and sends them, with one system call. It does not use flush, which calls the handler.
func (s *secure) encrypt(b []byte) {
	s.sealing = int32(min(len(b), math.MaxInt32))
	_, err := s.tls.Write(b)
	s.sealing = 0
	if cork := s.cork; cork != nil {
		s.cork = nil
		s.conn.writeRaw(cork.B)
		s.conn.buffers().Put(cork)
	}
	if err != nil {
		s.conn.fail(ioError)
	}
}

// maxUnheard bounds what a peer that does not read can make crypto/tls say: each key update asks for an answer
// (RFC 8446 section 4.6.3).
const maxUnheard = 8 << 10

// send takes a record from crypto/tls.
func (s *secure) send(b []byte) error {
	c := s.conn
	switch {
	case s.sealing > 0 && s.cork == nil && len(b) >= int(s.sealing):
		c.writeRaw(b) // a record is longer than its text, so this is all
	case s.sealing > 0:
		if s.cork == nil {
			s.cork = c.buffers().Get()
		}
		s.cork.B = append(s.cork.B, b...)
	case c.has(finSent): // there is no way left for an answer
	default:
		if !c.has(blocked) {
			s.unheard = 0
		}
		if s.unheard += int32(len(b)); s.unheard > maxUnheard {
			c.fail(unix.ENOBUFS)
			return unix.ENOBUFS
		}
		c.writeRaw(b)
	}
	return nil
}

// closeWrite says good-bye (RFC 8446 section 6.1) before TCP's direction ends. As long as there is a handshake, that
// needs the direction: it is marked as ended, so that nobody ends it, until the handshake is over.
func (s *secure) closeWrite() {
	switch {
	case s.stage < standing:
		s.conn.set(finSent)
	case s.stage == standing:
		s.seal()
		_ = s.tls.CloseWrite() // fails only where the connection has
	}
}
