package netpoll

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net/netip"
	"slices"

	"github.com/valyala/bytebufferpool"

	"weir/internal/invariants"
)

// TLS says how a connection is secured.
type TLS struct {
	Config     *tls.Config
	Client     bool        // we are the client
	Handshakes *Handshakes // where the handshake may run
}

// HandshakeError is why a connection could not be secured.
type HandshakeError struct{ Err error }

func (e *HandshakeError) Error() string { return e.Err.Error() }
func (e *HandshakeError) Unwrap() error { return e.Err }

// stage is how far the securing of a connection has come. It only moves down this list.
type stage uint8

const (
	waiting  stage = iota // for TCP to stand, or for a whole ClientHello
	shaking               // a goroutine runs the handshake, or will
	standing              // the loop reads and writes records
	lent                  // goroutines do, since Detach
	gone
)

// secure is the TLS of a connection. It stands between the socket and the connection's handler as a handler itself.
//
// crypto/tls wants a net.Conn whose Read waits. During the handshake it has one, on a goroutine of a bounded set.
// Afterwards the loop drives it: Read is called when ciphertext has come, and answers errNoData when that is used
// up, which crypto/tls takes for a passing trouble: it keeps what it has of a record and can be called again.
type secure struct {
	// Immutable.
	conf *TLS
	tls  *tls.Conn

	// Owned by the loop.
	conn    *Conn
	inner   Handler
	plain   *bytebufferpool.ByteBuffer // to be encrypted; nil when there is none
	stage   stage
	toldEOF bool
	sealing int32                      // length of the text that is being encrypted; 0: crypto/tls speaks for itself
	unheard int32                      // what it said so, since the peer stopped reading
	cork    *bytebufferpool.ByteBuffer // several records of one text, to be sent together

	// Whoever drives.
	wire wire

	ongoing *shake // of a handshake that was begun; nil before and afterwards
}

// maxPlain is what fits into one record (RFC 8446 section 5.1).
const maxPlain = 16 << 10

// StartTLS secures the connection from here on; early is what was read already and is not clear text. Handshakes take their
// turns by the peer's address, which from is. What is
// written before the handshake is over waits for it. Then OnConnect comes, and for the handler nothing is different
// from a connection in clear; a handshake that fails is told as OnClose with a *HandshakeError. A client that does
// not speak TLS at all is passed on in clear: see Secured.
//
// A connection that is still being made may be secured at once: OnConnect comes when both stand. What came with the
// handshake's last bytes follows it at once, so that the handler should not pause before it has seen OnData.
func (c *Conn) StartTLS(t *TLS, from netip.Addr, early []byte) {
	c.loop.owner.Check()
	s := &secure{conf: t, conn: c, inner: c.handler}
	s.wire.s = s
	s.wire.goes = newGoConn(c.loop, c)
	s.wire.goes.from = from
	if t.Client {
		s.tls = tls.Client(&s.wire, t.Config)
	} else {
		s.tls = tls.Server(&s.wire, t.Config)
	}
	c.handler = s
	c.set(secured)
	if t.Client && !c.has(connecting) {
		s.shake()
	}
	s.wire.goes.ended = c.has(ended)
	switch {
	case len(early) == 0:
	case t.Client || early[0] == recordHandshake:
		s.OnData(c, early)
	default: // is for the handler, which is calling us
		s.wire.goes.in = slices.Clone(early)
		_ = c.loop.Post(func() {
			if s.stage == waiting && c.Open() {
				s.greet(c, nil)
			}
		})
	}
}

// Secured tells whether TLS stands on the connection.
func (c *Conn) Secured() bool { return c.has(secured) && c.layer().stage == standing }

// TLSState is what was agreed on and who the other side is; nil without TLS. It makes a copy, so ask once.
func (c *Conn) TLSState() *tls.ConnectionState {
	if !c.Secured() {
		return nil
	}
	state := c.layer().tls.ConnectionState()
	return &state
}

func (c *Conn) layer() *secure { return c.handler.(*secure) }

// OnData takes ciphertext.
func (s *secure) OnData(c *Conn, b []byte) {
	switch s.stage {
	case waiting:
		s.greet(c, b)
	case shaking:
		s.wire.goes.OnData(c, b)
	case standing:
		s.read(b)
	}
}

// stands tells whether the loop drives still, after a call of the handler.
func (s *secure) stands() bool { return s.stage == standing && s.conn.Open() }

// fail ends the connection since TLS failed on it.
func (s *secure) fail(err error) {
	s.stage = gone
	inner, c := s.inner, s.conn
	c.Close()
	inner.OnClose(c, err)
}

// read decrypts what came and passes it on in one piece, so that a pause in between has nothing to hold up.
func (s *secure) read(b []byte) {
	s.wire.rest = b
	s.lend()
	room := s.conn.loop.plainRoom()
	for {
		n, err := s.fill(room)
		if err != nil {
			s.trim()
		}
		if n > 0 {
			s.inner.OnData(s.conn, room[:n])
			invariants.Mangle(room[:n])
		}
		if !s.stands() {
			return
		}
		if err != nil {
			s.end(err)
			return
		}
	}
}

// end tells the handler why there is no more to read.
func (s *secure) end(err error) {
	s.wire.rest = nil // is not ours any more, and what follows a good-bye is not read
	switch {
	case errors.Is(err, errNoData):
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		s.tellEOF()
	default:
		s.fail(err)
	}
}

// fill reads records until there is none, or no room for another.
func (s *secure) fill(room []byte) (n int, err error) {
	for err == nil && len(room)-n >= maxPlain {
		if lending && len(s.wire.rest) == 0 && field[bytes.Buffer](s.tls, rawInput).Len() == 0 {
			return n, errNoData // without asking, which costs
		}
		var m int
		m, err = s.tls.Read(room[n:])
		n += m
	}
	return n, err
}

// plainRoom is where the loop decrypts to. It takes all that can have come before the handler is asked again: a read of
// the socket, what was begun of a record, or was left by the handshake, which may have read ahead.
func (l *Loop) plainRoom() []byte {
	if l.plain == nil {
		l.plain = make([]byte, l.opts.ReadBuffer+handshakeRoom+5*maxPlain)
	}
	return l.plain
}

// OnEOF is the end of TCP. The alert that should come first is not asked for: WebSocket and HTTP say by themselves
// where a message ends.
func (s *secure) OnEOF(c *Conn) {
	switch s.stage {
	case waiting:
		s.fail(&HandshakeError{io.EOF})
	case shaking:
		s.wire.goes.OnEOF(c)
	case standing:
		s.tellEOF()
	}
}

func (s *secure) tellEOF() {
	if !s.toldEOF {
		s.toldEOF = true
		s.inner.OnEOF(s.conn)
	}
}

// OnDrained passes on. What the handler has queued before the handshake is over is still there, though.
func (s *secure) OnDrained(c *Conn) {
	if s.stage == standing {
		s.inner.OnDrained(c)
	} else {
		c.NotifyDrained()
	}
}

// OnClose passes on; a goroutine under way hears of it too.
func (s *secure) OnClose(c *Conn, err error) {
	s.drop()
	s.inner.OnClose(c, err)
}

// drop is called when the connection is closed.
func (s *secure) drop() {
	if s.stage == shaking {
		s.ongoing.leave()
	}
	if s.wire.goes != nil {
		s.wire.goes.cut()
	}
	if s.plain != nil {
		s.conn.loop.stats.Buffered -= len(s.plain.B)
		s.conn.buffers().Put(s.plain)
		s.plain = nil
	}
	s.stage = gone
}
