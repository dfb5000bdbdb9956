package session

import (
	"math/rand/v2"
	"time"

	"github.com/gobwas/ws"

	"weir/codec/frame"
	"weir/gateway/observe"
	"weir/upstream"
)

// How a session outlives its backend's stream, where the backend ends it. See move.go.

// maxStreak is how many moves may follow each other where each new backend ends within streakTime.
const (
	maxStreak  = 3
	streakTime = 5 * time.Second
)

// outlives tells whether a session goes on whose stream is over, by another.
func (s *session) outlives(reason string) bool {
	if s.extra == nil || s.extra.again == nil {
		return false
	}
	m := s.extra.move
	switch {
	case m == nil && !s.movable(), !(m != nil && m.said) && s.inDown(), m == nil && s.hasty():
		return false
	case m == nil:
		s.judgeEnd(0)
		m = s.followMove(reason)
	}
	s.dropStream()
	m.abandonOld()
	m.proceed()
	return true
}

// hasty tells whether the session has had to look for a backend too often of late for another try.
func (s *session) hasty() bool {
	k := s.extra.again
	return k.streak >= maxStreak && s.since(k.moved) <= streakTime
}

// countTry counts one more try that follows a backend's end.
func (k *again) countTry(s *session) {
	if s.since(k.moved) > streakTime {
		k.streak = 0
	}
	k.streak++
}

// followMove is startMove for a session that its backend has left.
func (s *session) followMove(reason string) *move {
	s.extra.again.countTry(s)
	return s.startMove(reason)
}

// retry looks for yet another backend if the new one has failed and the old one is no more, and tells whether it does.
func (m *move) retry(failed *upstream.Endpoint) bool {
	s := m.session
	if !m.parted || s.hasty() {
		return false
	}
	s.extra.again.countTry(s)
	if failed != nil {
		m.avoid = failed
	}
	m.next = nil
	s.lane.shard.relocation.open(m)
	return true
}

// retryLater asks again after a while, if the old backend is no more, and tells whether it does. It goes on for reopen-wait: a
// backend that is the only one may be about to start again.
func (m *move) retryLater() bool {
	s := m.session
	if !m.parted || s.loop().Now()-m.left >= s.cfg().ReopenWait {
		return false
	}
	m.next, m.asked = nil, false
	if s.stream != nil {
		return true // when that has ended
	}
	wait := min(firstRetry<<m.tries, lastRetry)
	m.tries = min(m.tries+1, 8)
	m.asked, m.later = true, true
	s.loop().Schedule(&m.timer, wait/2+rand.N(wait/2), m)
	return true
}

// firstRetry is the longest time until a backend is asked again that did not take a session; it doubles up to lastRetry.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = time.Second
)

// abandonOld is where nothing more goes to the old backend: the client is held back, and what has passed of a message of its
// is all that passes.
func (m *move) abandonOld() {
	s := m.session
	if m.parted {
		return
	}
	if s.up.scan.CutOff() {
		s.lane.shard.count.CutOff++
	}
	m.holdClient()
}

// departs tells whether a close frame of the backend's is not for the client, as the session goes on elsewhere.
func (s *session) departs() bool {
	if s.extra == nil || s.extra.again == nil || s.down.due != 0 || s.down.scan.Fragmented() {
		return false
	}
	code := s.down.scan.CloseCode()
	if m := s.extra.move; m != nil && m.parted {
		return code != ws.StatusPolicyViolation && code < firstOwnCode // such a code answers no 1001 of ours
	}
	switch code {
	case ws.StatusGoingAway, serviceRestart:
		return s.extra.move != nil || s.movable() && !s.hasty()
	}
	return false
}

// serviceRestart is a close code of the registry that gobwas/ws does not name. From firstOwnCode on they are those of
// applications (RFC 6455 section 7.4.2).
const (
	serviceRestart ws.StatusCode = 1012
	firstOwnCode   ws.StatusCode = 3000
)

// byeGrace is how long a backend may take to end its stream behind both close frames.
const byeGrace = 500 * time.Millisecond

// departed is called when departs has said so: the close frame is answered, and the end of the stream awaited.
func (s *session) departed() {
	m := s.extra.move
	if m == nil {
		m = s.followMove(observe.MoveClosed)
	}
	m.said = true
	if m.parted {
		s.stream.Parted(false)
	} else {
		m.answerOld()
	}
	s.loop().Schedule(&m.timer, byeGrace, m)
	if !m.asked {
		s.lane.shard.relocation.open(m)
	}
}

// answerOld answers the old backend's close frame, if that can be understood now.
func (m *move) answerOld() {
	s, sh := m.session, m.session.lane.shard
	if !s.up.scan.AtBoundary() {
		m.abandonOld()
		s.stream.CloseWrite()
		return
	}
	key := sh.maskKey()
	sh.scratch = frame.AppendClose(sh.scratch[:0], s.down.scan.CloseCode(), "", &key)
	s.stream.Write(sh.scratch)
	m.abandonOld()
	s.marks.set(closedUp, true)
	s.stream.Parted(true)
}
