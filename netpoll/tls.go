package netpoll

import (
	"crypto/tls"
	"errors"
	"io"

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
	corked  bool // several records are on their way: send them together

	// Whoever drives.
	wire wire
}

// maxPlain is what fits into one record (RFC 8446 section 5.1).
const maxPlain = 16 << 10

// StartTLS secures the connection from here on; early is what was read already and is not clear text. What is
// written before the handshake is over waits for it. Then OnConnect comes, and for the handler nothing is different
// from a connection in clear; a handshake that fails is told as OnClose with a *HandshakeError. A client that does
// not speak TLS at all is passed on in clear: see Secured.
//
// A connection that is still being made may be secured at once: OnConnect comes when both stand.
func (c *Conn) StartTLS(t *TLS, early []byte) {
	c.loop.owner.Check()
	s := &secure{conf: t, conn: c, inner: c.handler}
	s.wire.s = s
	s.wire.goes = newGoConn(c.loop, c)
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
	if len(early) > 0 {
		s.OnData(c, early)
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

// recordHeader is the length of a record's header, whose first byte says what the record holds.
const (
	recordHeader    = 5
	recordHandshake = 22
)

// OnConnect begins a client's handshake.
func (s *secure) OnConnect(*Conn) { s.shake() }

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

// greet waits for the first record, so that a client that is slow with it costs no goroutine. What is no handshake
// goes to the connection's handler as it is.
func (s *secure) greet(c *Conn, b []byte) {
	w := s.wire.goes
	if len(w.in) == 0 && b[0] != recordHandshake && !s.conf.Client {
		s.stage = gone
		c.handler = s.inner
		c.clear(secured)
		s.inner.OnData(c, b)
		return
	}
	w.OnData(c, b)
	if h := w.in; len(h) >= recordHeader && len(h) >= recordHeader+int(h[3])<<8|int(h[4]) || len(h) > maxPlain {
		s.shake()
	}
}

func (s *secure) shake() {
	s.stage = shaking
	s.conf.Handshakes.run(s)
}

// handshake runs on a goroutine of the set.
func (s *secure) handshake() {
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
	s.stage = standing
	in, ended := s.wire.goes.release()
	s.wire.goes, s.wire.rest = nil, in
	s.trim()
	s.inner.OnConnect(c)
	s.seal()
	if s.stage == standing && c.Open() {
		s.read(s.wire.rest)
	}
	if ended && s.stage == standing && c.Open() {
		s.OnEOF(c)
	}
}

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
		if s.stage != standing || !s.conn.Open() {
			return
		}
		switch {
		case err == nil: // there may be more than there was room for
		case errors.Is(err, errNoData):
			return
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			s.tellEOF()
			return
		default:
			s.fail(err)
			return
		}
	}
}

// fill reads records until there is none, or no room for another.
func (s *secure) fill(room []byte) (n int, err error) {
	for err == nil && len(room)-n >= maxPlain {
		if len(s.wire.rest) == 0 && bufferOf(s.tls, rawInput).Len() == 0 && rawInput != 0 {
			return n, errNoData // without asking, which costs
		}
		var m int
		m, err = s.tls.Read(room[n:])
		n += m
	}
	return n, err
}

// plainRoom is where the loop decrypts to.
func (l *Loop) plainRoom() []byte {
	if l.plain == nil {
		l.plain = make([]byte, l.opts.ReadBuffer+2*maxPlain)
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

// OnDrained passes on.
func (s *secure) OnDrained(c *Conn) {
	switch {
	case s.wire.goes != nil:
		s.wire.goes.OnDrained(c)
	case s.stage == standing:
		s.inner.OnDrained(c)
	}
}

// OnClose passes on; a goroutine under way hears of it too.
func (s *secure) OnClose(c *Conn, err error) {
	s.drop()
	s.inner.OnClose(c, err)
}

// drop is called when the connection is closed.
func (s *secure) drop() {
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
