package session

import (
	"strconv"
	"time"

	"github.com/gobwas/ws"

	"weir/codec/frame"
	"weir/codec/http1"
	"weir/gateway/observe"
	"weir/gateway/reasons"
	"weir/netpoll"
	"weir/upstream"
)

// How a session goes on at another backend, beneath a client that stays.
//
// A move that is planned opens the new stream first. Once that has its 101 the session waits until neither direction is
// inside a message, stops reading the client, and closes the old stream in order. What the old backend still says is
// delivered; when it has ended, the new stream takes its place, and what that one has said meanwhile follows. If the new
// backend refuses, or no such moment comes in time, all stays as it was.
//
// Where the old backend ends by itself there is nothing to wait for: the client is not read until the new stream stands. A
// message towards the client that was cut in the middle is the end of the session; of one towards the backend the rest is dropped.

// move is one that is under way. It belongs to the session's loop.
type move struct {
	session *session
	reason  string
	avoid   *upstream.Endpoint // that failed, or is to be left
	until   time.Duration      // loop time up to which a rate holds the client
	asked   bool               // another backend has been, or is about to be
	opening bool               // its answer is awaited
	attempt *upstream.Attempt  // until it has its answer
	lane    *lane              // by whose links it goes, if that is not the session's; it has to last meanwhile
	next    *successor         // which has its 101; nil: not yet
	waited  uint8              // how often the old backend was given more time
	parted  bool               // nothing more goes to the old backend
	said    bool               // the old one has said its last
	later   bool               // the timer runs until another backend is asked again
	tries   uint8              // how often none took it
	left    time.Duration      // loop time at which the old backend was left
	timer   netpoll.Timer      // the end of what is waited for
}

// movable tells whether the session could go on elsewhere.
func (s *session) movable() bool {
	return s.extra != nil && s.extra.again != nil && s.extra.move == nil && s.stands() && !s.up.eof && !s.extra.ended && s.client.Open()
}

// startMove looks for another backend. Whoever starts it has looked whether the session is movable.
func (s *session) startMove(reason string) *move {
	m := &move{session: s, reason: reason, avoid: s.endpoint()}
	s.extra.move = m
	s.marks.set(moving, true)
	return m
}

// relocate moves the session to another endpoint, if it can be moved.
func (s *session) relocate(reason string) {
	if s.movable() {
		s.lane.shard.relocation.open(s.startMove(reason))
	}
}

// open asks for another backend. A refusal may come at once.
func (m *move) open() {
	s, sh := m.session, m.session.lane.shard
	k := s.extra.again
	r := k.request(sh.fields[:0])
	r.Client = s.from().Addr()
	r.Avoid = m.avoid
	if name := s.cfg().ReopenHeader; name != "" {
		sh.scratch = append(strconv.AppendInt(sh.scratch[:0], int64(k.moves+1), 10), "; reason="+m.reason...)
		r.Fields = append(r.Fields, http1.Field{Name: []byte(name), Value: sh.scratch})
	}
	next := &successor{session: s}
	attempt, why := m.through().links.Open(&r, next)
	sh.fields = r.Fields
	clear(sh.fields)
	switch {
	case why == nil:
		m.attempt = attempt
	default:
		if m.opened(); !m.retryLater() {
			m.fail(observe.MoveRefused)
		}
	}
}

// fail ends a move that did not come about. Before the old stream was left, nothing has happened.
func (m *move) fail(outcome string) {
	s := m.session
	parted, said := m.parted, m.said
	m.end(outcome)
	if !parted {
		return
	}
	s.dropStream()
	s.up.closed, s.down.eof = true, true
	if said {
		s.down.scan = frame.Scanner{} // it stood inside a close frame that did not pass
	}
	reason, code := reasons.BackendLost, ws.StatusCode(s.cfg().BackendLostCode)
	if outcome == observe.MoveMismatch {
		reason, code = reasons.ReopenMismatch, ws.StatusCode(s.cfg().DrainCode)
	}
	s.unhold()
	s.begin(reason, code)
	s.sayDue(code)
	s.bothClosed()
}

// end takes the move off the session.
func (m *move) end(outcome string) {
	s := m.session
	s.lane.shard.count.Moves[observe.MoveKey{Reason: m.reason, Outcome: outcome}]++
	s.loop().Cancel(&m.timer)
	if m.attempt != nil {
		m.attempt.Cancel()
		m.attempt = nil
	}
	if m.next != nil && outcome != observe.Moved {
		m.next.drop()
	}
	m.opened()
	m.unpin()
	s.extra.move = nil
	s.marks.set(moving, false)
}

// through is the lane by whose links another backend is asked.
func (m *move) through() *lane {
	m.unpin()
	l := m.session.lane.latest()
	if l != m.session.lane {
		l.sessions++
		m.lane = l
	}
	return l
}

func (m *move) unpin() {
	if l := m.lane; l != nil {
		m.lane = nil
		l.leave()
	}
}

// cancelMove is for a session that ends. What was sent to the new backend is nothing.
func (s *session) cancelMove() {
	if s.extra == nil || s.extra.move == nil {
		return
	}
	m := s.extra.move
	parted := m.parted
	m.end(observe.MoveEnded)
	if parted {
		s.up.closed = true
		s.down.eof = s.down.eof || s.stream == nil
		if m.said {
			s.dropStream()
			s.down.scan, s.down.eof = frame.Scanner{}, true
		}
		s.unhold()
	}
}

// unhold lets the client be read again, once what runs now is done.
func (s *session) unhold() {
	if s.extra.held {
		s.loop().Schedule(&s.extra.pace, 0, (*pacer)(s))
	}
}

// stood is called when the new stream has its 101.
func (m *move) stood(next *successor) {
	s := m.session
	m.attempt, m.next = nil, next
	if s.stream != nil {
		next.stream.Pause()
	}
	if m.parted {
		m.proceed()
		return
	}
	s.loop().Schedule(&m.timer, s.cfg().ReopenWait, m)
	m.awaitBoundary()
}

// awaitBoundary leaves the old stream, if neither direction is inside a message now, or has the end of the frames under way
// told. It is called behind each read.
func (m *move) awaitBoundary() {
	if m.leaves() || m.parted || m.next == nil {
		return
	}
	for _, h := range []*half{&m.session.up, &m.session.down} {
		if !h.scan.AtBoundary() {
			h.scan.WantBoundary()
		}
	}
}

// leaves leaves the old stream if it may be left now, and tells whether it did.
func (m *move) leaves() bool {
	s := m.session
	if m.parted || m.next == nil || !s.up.scan.Between() || !s.down.scan.Between() || s.gathers(&s.up) || s.gathers(&s.down) {
		return false
	}
	m.part(ws.StatusGoingAway)
	return true
}

// part says goodbye to the old backend, between two frames, and holds the client back.
func (m *move) part(code ws.StatusCode) {
	s, sh := m.session, m.session.lane.shard
	m.holdClient()
	key := sh.maskKey()
	sh.scratch = frame.AppendClose(sh.scratch[:0], code, m.reason, &key)
	s.stream.Write(sh.scratch)
	s.marks.set(closedUp, true)
	s.loop().Schedule(&m.timer, s.cfg().CloseTimeout, m)
}

// holdClient is where nothing more goes to the old backend. What a rate keeps from the client stays with it.
func (m *move) holdClient() {
	s := m.session
	m.parted, m.left = true, s.loop().Now()
	if s.extra != nil && s.extra.held {
		m.until = s.extra.until
	}
	s.hold(moveHold)
}

// moveHold is longer than any move: each step of one has a timeout of its own.
const moveHold = 1 << 50

// OnTimer is the end of what the move waits for.
func (m *move) OnTimer(*netpoll.Timer) {
	s := m.session
	switch {
	case !m.parted:
		m.fail(observe.MoveWaited)
		return
	case m.later:
		m.later = false
		s.lane.shard.relocation.open(m)
		return
	}
	if m.oldGoesOn() {
		s.loop().Schedule(&m.timer, s.cfg().CloseTimeout, m)
		return
	}
	s.dropStream() // it had its time
	if !m.said && s.inDown() {
		m.fail(observe.MoveEnded)
		return
	}
	m.proceed()
}

// oldGoesOn tells whether the old backend may go on with what it still has to say: while the client does not take it, or, for some
// more close timeouts, while it comes.
func (m *move) oldGoesOn() bool {
	s := m.session
	if s.stream == nil || m.said {
		return false
	}
	if s.toClient().Full(s.lane.route.PauseAt) {
		m.waited = 0
		return true
	}
	m.waited++
	return m.waited <= mostWaits && s.since(s.down.heard) < s.cfg().CloseTimeout
}

// mostWaits bounds what a backend has to say that does not mind a close frame.
const mostWaits = 4

// inDown tells whether the client has had the begin of a message, and not its end.
func (s *session) inDown() bool { return s.down.scan.InMessage() && !s.down.scan.SetsAside() }

// proceed puts the new stream in the place of the old one, if both are ready for that.
func (m *move) proceed() {
	s := m.session
	next := m.next
	switch {
	case s.stream != nil:
		return
	case next == nil:
		if !m.asked {
			s.lane.shard.relocation.open(m)
		}
		return
	}
	s.dropGathered(&s.down)
	m.end(observe.Moved)
	m.install(next)
}

// install goes on with the new stream.
func (m *move) install(next *successor) {
	s, k := m.session, m.session.extra.again
	k.moves, k.moved, k.evicted = k.moves+1, s.now(), false
	s.stream = next.stream
	s.down.scan, s.down.eof, s.down.heard, s.extra.pingAt = frame.Scanner{}, false, s.now(), 0
	s.marks.set(closedUp, false)
	s.marks.set(backendPing, false)
	s.logMoved(m.reason)
	if text := s.cfg().ReopenNotice; text != "" {
		s.notice(text)
	}
	s.extra.held = false
	s.loop().Cancel(&s.extra.pace)
	if wait := m.until - s.loop().Now(); wait > 0 {
		s.hold(wait)
	}
	next.release()
	if s.stream == next.stream {
		s.goOn()
	}
}

// notice is a text message for the client.
func (s *session) notice(text string) {
	sh := s.lane.shard
	sh.scratch = frame.AppendFrame(sh.scratch[:0], ws.OpText, []byte(text), nil)
	s.toClient().Write(sh.scratch)
}

func (s *session) logMoved(reason string) {
	if a := s.lane.shard.proc.Access; a.On() && !s.marks.has(unlogged) {
		a.Write(&observe.Line{Event: "move", Client: s.from(), Route: s.lane.route.Name, Endpoint: s.endpoint().Name, User: s.user(), Reason: reason, Lasted: s.loop().Now() - s.opened})
	}
}

// parted tells whether the session is being moved, and nothing more goes to its old backend.
func (s *session) parted() bool { return s.marks.has(moving) && s.extra.move.parted }
