package session

import (
	"net/netip"
	"time"

	"github.com/gobwas/ws"

	"weir/codec/frame"
	"weir/gateway/auth"
	"weir/gateway/certs"
	"weir/gateway/plan"
	"weir/gateway/reasons"
	"weir/netpoll"
	"weir/upstream"
)

// phase is how far a session has come. It only moves down this list.
type phase uint8

const (
	silent         phase = iota // nothing has come
	announcing                  // a trusted proxy is to say whom it speaks for
	announced                   // it has said so, and nothing more has come
	securing                    // TLS does not stand yet
	greeting                    // the client's request is being read
	authenticating              // somebody is asked whether the client may come in
	asking                      // the backend has not answered yet
	declining                   // the backend answered something else than 101, which is being passed on
	refusing                    // the gateway answered the request itself
	talking                     // the WebSocket stands
	over
)

// half is one direction of a session.
type half struct {
	scan   frame.Scanner
	bytes  uint64
	heard  moment        // when the source last sent anything
	due    ws.StatusCode // of a close frame that is still to be put in; 0: none
	closed bool          // a close frame went out in this direction, or nothing may follow for another reason
	eof    bool          // the source will send no more
}

// session is one client's life in the gateway, from accept to the last descriptor closed.
// A million of them idle at once, so what only some need, or for a time only, hangs on a pointer.
type session struct {
	// Immutable.
	opened time.Duration // loop time

	// Owned by the loop.
	lane   *lane    // of the listener it came through, then of its route
	ip     [16]byte // of the client, as far as it is known, if it has one
	client netpoll.Conn
	stream upstream.Stream // nil until the request was understood, and after the backend is gone
	up     half            // client to backend
	down   half            // backend to client
	timer  netpoll.Timer   // the one next deadline, whatever it is
	hs     *handshake      // until the answer
	extra  *extra          // what only some sessions have, or for a time only
	spent  *spent          // of the rates of one session; nil: there are none
	index  int32           // place in the shard's list
	pingAt moment          // when the ping went out that the client has not answered yet; 0: none
	rtt    uint16          // of the last one it answered, in milliseconds, rounded up; 0: not known
	port   uint16          // of the client; 0 if only its address is known
	phase  phase
	window uint8 // of messages that the gateway compresses for the client, in bits; 0: it does not
	marks  marks
}

// marks are what is true of a session.
type marks uint16

const (
	unlogged    marks = 1 << iota // left out by --access-log-sample
	handed                        // its connection has gone to gateway/web
	newcomer                      // counted by the gateway's limits as one that is not admitted yet
	admitted                      // counted by them
	byAddress                     // among those of its address, too
	pingDue                       // a ping goes to the client at the next frame boundary
	backendPing                   // one goes to the backend there
	evicted                       // it is to be closed since a reload has no place for it, and has not begun to end
	closedUp                      // a close frame has gone to the backend
	extended                      // an extension was agreed on that the gateway does not know
	unix                          // the client has no address, as its socket is a unix one
	opaque                        // it speaks another protocol than WebSocket, which is passed on unread
	moving                        // to another backend, see move.go
	nameless                      // a PROXY header named nobody, so that its requests are not believed in whom they name
)

func (m marks) has(what marks) bool { return m&what != 0 }

func (m *marks) set(what marks, to bool) {
	*m &^= what
	if to {
		*m |= what
	}
}

func (s *session) loop() *netpoll.Loop { return s.lane.shard.Loop }

// from is the client's address; invalid for a client of a unix socket.
func (s *session) from() netip.AddrPort {
	if s.marks.has(unix) {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(netip.AddrFrom16(s.ip).Unmap(), s.port)
}

func (s *session) setFrom(from netip.AddrPort) {
	s.ip, s.port = plan.As16(from.Addr()), from.Port()
	s.marks.set(unix, !from.Addr().IsValid())
}

// moment is a time of the loop in milliseconds, kept short since every session has some. It comes round after 49
// days, so only differences mean anything, and only of less than that.
type moment uint32

func (s *session) now() moment { return moment(s.loop().Now() / time.Millisecond) }

func (s *session) since(m moment) time.Duration {
	return time.Duration(s.now()-m) * time.Millisecond
}

// finish closes what is still open and takes the session off all books.
func (s *session) finish() {
	if s.phase == over {
		return
	}
	sh := s.lane.shard
	if s.phase == talking {
		sh.closedSession(s)
	}
	if s.ending() != nil {
		sh.endings--
	}
	s.phase = over
	sh.Loop.Cancel(&s.timer)
	s.cancelMove()
	s.dropKept()
	if s.extra != nil {
		sh.Loop.Cancel(&s.extra.pace)
		s.caughtUp()
		s.dropRest()
		s.dropGathered(&s.up)
		s.dropGathered(&s.down)
		sh.gathered -= s.extra.charged
		s.extra.charged = 0
	}
	s.client.Close()
	s.dropStream()
	s.dropHandshake()
	last := sh.sessions[len(sh.sessions)-1]
	sh.sessions[s.index], last.index = last, s.index
	sh.sessions[len(sh.sessions)-1] = nil
	sh.sessions = sh.sessions[:len(sh.sessions)-1]
	s.leaveNewcomers()
	if s.marks.has(admitted) {
		var by netip.Addr
		if s.marks.has(byAddress) {
			by = s.from().Addr()
		}
		sh.proc.Admitted.Leave(by)
	}
	if !s.marks.has(handed) {
		sh.proc.accepted.Leave(netip.Addr{})
	}
	s.lane.leave()
	sh.proc.Memory.touch(sh.now())
	sh.ended()
}

func (s *session) dropStream() {
	if s.stream != nil {
		s.stream.Close()
		s.lostStream()
	}
}

// lostStream forgets a stream that is closed.
func (s *session) lostStream() {
	if s.phase == talking {
		s.extraOf().served = s.stream.Endpoint()
	}
	s.stream = nil
}

// endpoint is who serves a session that talks, or did.
func (s *session) endpoint() *upstream.Endpoint {
	if s.stream == nil {
		return s.extra.served
	}
	return s.stream.Endpoint()
}

// OnTimer is called when the session's next deadline is due.
func (s *session) OnTimer(*netpoll.Timer) {
	spoke := !s.isSilent()
	if !spoke {
		s.appear()
	}
	switch {
	case s.phase < greeting:
		if s.phase == securing && spoke {
			s.lane.shard.count.TLSFailed[certs.TimedOut]++
		}
		s.turnAway(reasons.RefusedSlow.Reason)
	case s.phase == greeting:
		s.refuse(reasons.RefusedSlow)
	case s.phase == authenticating:
		s.refuse(auth.Unavailable)
	case s.ending() != nil || s.phase != talking:
		s.late()
	default:
		s.beat()
	}
}
