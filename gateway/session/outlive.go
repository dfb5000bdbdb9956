package session

import (
	"time"

	"github.com/gobwas/ws"

	"weir/codec/frame"
	"weir/gateway/observe"
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
		m = s.startMove(reason)
	}
	s.dropStream()
	m.abandonOld()
	if m.asked {
		m.proceed()
	} else {
		s.lane.shard.relocation.open(m)
	}
	return true
}

// hasty tells whether the session has moved too often of late for another try, and counts one.
func (s *session) hasty() bool {
	k := s.extra.again
	if k.streak++; s.since(k.moved) > streakTime {
		k.streak = 1
	}
	return k.streak > maxStreak
}

// abandonOld is where nothing more goes to the old backend: the client is held back, and what has passed of a message of its
// is all that passes.
func (m *move) abandonOld() {
	s := m.session
	if m.parted {
		return
	}
	m.parted = true
	if s.up.scan.CutOff() {
		s.lane.shard.count.CutOff++
	}
	s.hold(moveHold)
}

// departs tells whether a close frame of the backend's is not for the client, as the session goes on elsewhere.
func (s *session) departs() bool {
	if s.extra == nil || s.extra.again == nil || s.down.due != 0 || s.down.scan.Fragmented() {
		return false
	}
	if m := s.extra.move; m != nil && m.parted {
		return true
	}
	switch s.down.scan.CloseCode() {
	case ws.StatusGoingAway, serviceRestart:
		return s.extra.move != nil || s.movable() && !s.hasty()
	}
	return false
}

// serviceRestart is a close code of the registry that gobwas/ws does not name.
const serviceRestart ws.StatusCode = 1012

// byeGrace is how long a backend may take to end its stream behind both close frames.
const byeGrace = 500 * time.Millisecond

// departed is called when departs has said so: the close frame is answered, and the end of the stream awaited.
func (s *session) departed() {
	m := s.extra.move
	if m == nil {
		m = s.startMove(observe.MoveClosed)
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
