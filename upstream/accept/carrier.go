package accept

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"weir/codec/h2"
)

// ErrReset is why a session ends whose stream the other side has reset.
var ErrReset = errors.New("accept: the session was reset")

// carrier is one HTTP/2 connection, which carries many sessions.
type carrier struct {
	// Immutable.
	listener *Listener
	conn     net.Conn

	// Guarded by mu.
	mu       sync.Mutex
	reader   *h2.Reader
	encoder  *h2.Encoder
	streams  map[uint32]*Conn // those that are not closed both ways
	held     int              // sessions that are among streams, or that the application has not closed yet
	last     uint32           // the highest stream number that was used
	ours     h2.Window        // what the peer may still send on the connection
	theirs   h2.Window        // what we may
	initial  uint32           // the peer's INITIAL_WINDOW_SIZE
	received uint32           // not credited to ours yet
	out      []byte           // pending
	spare    []byte           // the other buffer for out
	sendable sync.Cond        // for the sender: out is not empty, or it is over
	room     sync.Cond        // for writers: theirs is open and out is short, or it is over
	drains   drainStep
	ended    bool  // nothing more is read or appended; out is still sent unless the connection was lost
	lost     bool  // out is of no use any more
	err      error // what sessions are told, from ended on
}

// drainStep is how far a shutdown has come (RFC 9113 section 6.8).
type drainStep uint8

const (
	notDraining drainStep = iota
	warned                // GOAWAY with the highest number went out; requests may be on their way
	settled               // the peer knows, so no request above last can come that it does not know to be refused
)

func newCarrier(l *Listener, conn net.Conn) *carrier {
	settings := l.options.settings()
	ca := &carrier{listener: l, conn: conn, reader: h2.NewReader(h2.Server, settings, l.options.limits()),
		encoder: h2.NewEncoder(), streams: make(map[uint32]*Conn), ours: h2.NewWindow(connWindow),
		theirs: h2.NewWindow(h2.InitialWindow), initial: h2.InitialWindow}
	ca.sendable.L, ca.room.L = &ca.mu, &ca.mu
	ca.out = h2.AppendSettings(nil, settings)
	ca.out = h2.AppendWindowUpdate(ca.out, 0, connWindow-h2.InitialWindow)
	return ca
}

// receive reads the connection to its end.
func (ca *carrier) receive() {
	defer ca.listener.remove(ca)
	defer ca.conn.Close()
	_ = ca.conn.SetReadDeadline(time.Now().Add(greetTimeout))
	b := make([]byte, 64<<10)
	greeted, refilled := false, time.Now()
	for {
		n, err := ca.conn.Read(b)
		if err != nil {
			ca.lose(err)
			return
		}
		ca.mu.Lock()
		if now := time.Now(); now.Sub(refilled) >= time.Second {
			refilled = now
			ca.reader.Refill()
		}
		ca.walk(b[:n], &greeted)
		ca.mu.Unlock()
	}
}

// walk acts on bytes that came in.
func (ca *carrier) walk(b []byte, greeted *bool) {
	for len(b) > 0 && !ca.ended {
		ev, used := ca.reader.Next(b)
		b = b[used:]
		if ev.Kind == h2.SettingsChanged && !*greeted {
			*greeted = true
			_ = ca.conn.SetReadDeadline(time.Time{})
		}
		ca.act(&ev)
	}
}

// lose ends the connection without a word; err is what the sessions are told.
func (ca *carrier) lose(err error) {
	if err == io.EOF { // of the connection, which is no orderly end of a session
		err = io.ErrUnexpectedEOF
	}
	ca.mu.Lock()
	defer ca.mu.Unlock()
	ca.lost = true
	ca.end(err)
	ca.sendable.Signal()
	_ = ca.conn.Close()
}

// end takes nothing more in, and fails the sessions there are. What is pending is still sent.
func (ca *carrier) end(err error) {
	if ca.ended {
		return
	}
	ca.ended, ca.err = true, err
	for _, c := range ca.streams {
		c.fail(err)
	}
	ca.sendable.Signal()
	ca.room.Broadcast()
}

// fault ends a connection whose peer broke the protocol.
func (ca *carrier) fault(err *h2.Error) {
	ca.append(h2.AppendGoAway(ca.out, ca.last, err.Code, err.Reason))
	ca.end(err)
}

// drain asks for no new sessions. The peer's answer to a PING tells that it knows, so that none is lost on its way.
func (ca *carrier) drain() {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	if ca.ended || ca.drains != notDraining {
		return
	}
	ca.drains = warned
	ca.append(h2.AppendPing(h2.AppendGoAway(ca.out, 1<<31-1, h2.NoError, ""), [8]byte{'d', 'r', 'a', 'i', 'n'}))
}

// settle follows the peer's answer.
func (ca *carrier) settle() {
	if ca.drains == warned {
		ca.drains = settled
		ca.append(h2.AppendGoAway(ca.out, ca.last, h2.NoError, ""))
		ca.emptied()
	}
}

// emptied ends a connection that drains when no session is left.
func (ca *carrier) emptied() {
	if ca.drains == settled && len(ca.streams) == 0 {
		ca.end(net.ErrClosed)
	}
}
