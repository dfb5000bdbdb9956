package session

import (
	"math"
	"time"

	"github.com/gobwas/ws"

	"weir/codec/frame"
	"weir/gateway/observe"
	"weir/gateway/reasons"
)

// beat looks at a talking session whose deadline has come, and sets the next one. Traffic does not touch the
// timer, it only moves the moments when both sides were heard; so a busy session costs one look per interval.
func (s *session) beat() {
	cfg := s.cfg()
	next := time.Duration(1<<63 - 1)
	if s.extra != nil && !s.extra.expires.IsZero() {
		left := time.Until(s.extra.expires)
		if left <= 0 {
			s.hangUp(reasons.Expired, ws.StatusCode(cfg.AuthExpiredCode))
			return
		}
		next = min(left, wallClockLook)
	}
	if s.extra != nil && s.extra.held {
		s.up.heard = s.now() // we do not listen
	}
	if cfg.IdleTimeout > 0 {
		left := cfg.IdleTimeout - min(s.since(s.up.heard), s.since(s.down.heard))
		if left <= 0 {
			s.hangUp(reasons.Idle, ws.StatusGoingAway)
			return
		}
		next = min(next, left)
	}
	if cfg.PingInterval > 0 && !s.marks.has(opaque) {
		left, alive := s.heartbeat(&s.up, cfg.PingInterval)
		if !alive {
			s.hangUp(reasons.Pong, ws.StatusGoingAway)
			return
		}
		next = min(next, left)
	}
	if cfg.BackendPing > 0 && !s.marks.has(opaque) {
		left, alive := s.heartbeat(&s.down, cfg.BackendPing)
		if !alive {
			if !s.outlives(observe.MoveLost) {
				s.hangUp(reasons.BackendPong, ws.StatusCode(cfg.BackendLostCode))
				return
			}
			if !s.stands() {
				return // no backend took it
			}
			left = cfg.BackendPing
		}
		next = min(next, left)
	}
	for _, h := range []*half{&s.up, &s.down} {
		left, any := s.gatherLeft(h)
		if any && left <= 0 {
			s.dropGathered(h)
			s.hangUp(reasons.GatherTimeout, ws.StatusCode(cfg.GatherMemoryCode))
			return
		}
		if any {
			next = min(next, left)
		}
	}
	if next < 1<<63-1 {
		s.loop().Schedule(&s.timer, next, s)
	}
}

// wallClockLook is how often the clock on the wall is looked at, which may be set while the loop's runs on.
const wallClockLook = time.Minute

// heartbeat pings the source of h if it is silent, and tells when to look again or that it is dead. Who is not read,
// or does not take what it was sent, cannot answer and is not judged: TCP judges it.
func (s *session) heartbeat(h *half, interval time.Duration) (next time.Duration, alive bool) {
	at, timeout := s.pingOf(h), s.cfg().PongTimeout
	back, due, blind := &s.down, pingDue, s.client.Paused() || s.client.Buffered() > 0
	if h == &s.down {
		back, due, blind = &s.up, backendPing, s.client.Buffered() > 0 || s.stream == nil || s.stream.Buffered() > 0 || s.parted()
	}
	if *at != 0 && (s.since(h.heard) <= s.since(*at) || blind) {
		*at = 0
	}
	if *at != 0 {
		left := timeout - s.since(*at)
		return min(left, interval), left > 0
	}
	if left := interval - s.since(h.heard); left > 0 {
		return left, true
	}
	if blind || s.marks.has(due) || back.closed {
		return interval, true
	}
	if back.scan.AtBoundary() {
		s.sendPing(h)
	} else {
		s.marks.set(due, true)
		back.scan.WantBoundary()
	}
	return min(timeout, interval), true
}

// pingOf is when the ping went out that the source of h has not answered yet.
func (s *session) pingOf(h *half) *moment {
	if h == &s.up {
		return &s.pingAt
	}
	return &s.extraOf().pingAt
}

// sendPing sends a ping to the source of h, whose pong is known as ours by the moment in it (RFC 6455 section 5.5.2).
func (s *session) sendPing(h *half) {
	sh, now := s.lane.shard, max(s.now(), 1)
	*s.pingOf(h) = now
	h.scan.ExpectPong(true)
	payload := sh.proc.pingPayload(now)
	if h == &s.up {
		sh.scratch = frame.AppendPing(sh.scratch[:0], payload[:], nil)
		s.client.Write(sh.scratch)
	} else {
		key := sh.maskKey()
		sh.scratch = frame.AppendPing(sh.scratch[:0], payload[:], &key)
		s.stream.Write(sh.scratch)
	}
	sh.count.Pings++
}

// ownPong tells whether a pong answers one of our pings; those of the other side are answered to that.
func (s *session) ownPong(h *half, payload [8]byte) bool {
	sh := s.lane.shard
	sent, own := sh.proc.pingMoment(payload)
	if at := s.pingOf(h); own && *at != 0 && *at == sent {
		*at = 0
		sh.count.Pongs++
		took := s.since(sent)
		if h == &s.up {
			s.rtt = uint16(min(took/time.Millisecond+1, math.MaxUint16))
			sh.proc.Metrics.PongTime.Update(took.Seconds())
		} else {
			sh.proc.Metrics.BackendPongTime.Update(took.Seconds())
		}
	}
	return own
}

// boundary is called between two frames of a direction into which we have something to put. It tells whether the
// frames go on.
func (s *session) boundary(h *half) bool {
	due, source := pingDue, &s.up
	if h == &s.up {
		due, source = backendPing, &s.down
	}
	if h == &s.down && h.due != 0 {
		s.sendClose()
		return false
	}
	if s.marks.has(due) {
		s.marks.set(due, false)
		s.sendPing(source)
	}
	return true
}
