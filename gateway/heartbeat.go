package gateway

import (
	"encoding/binary"
	"time"

	"github.com/gobwas/ws"

	"weir/codec/frame"
)

// beat looks at a talking session whose deadline has come, and sets the next one. Traffic does not touch the
// timer, it only moves the moments when both sides were heard; so a busy session costs one look per interval.
func (s *session) beat() {
	cfg := s.cfg()
	next := time.Duration(1<<63 - 1)
	if s.more != nil && !s.more.expires.IsZero() {
		left := time.Until(s.more.expires)
		if left <= 0 {
			s.hangUp(reasonExpired, ws.StatusCode(cfg.AuthExpiredCode))
			return
		}
		next = min(left, wallClockLook)
	}
	if s.more != nil && s.more.held {
		s.up.heard = s.now() // we do not listen
	}
	if cfg.IdleTimeout > 0 {
		left := cfg.IdleTimeout - min(s.since(s.up.heard), s.since(s.down.heard))
		if left <= 0 {
			s.hangUp(reasonIdle, ws.StatusGoingAway)
			return
		}
		next = min(next, left)
	}
	if cfg.PingInterval > 0 {
		left, alive := s.heartbeat(cfg.PingInterval, cfg.PongTimeout)
		if !alive {
			s.hangUp(reasonPong, ws.StatusGoingAway)
			return
		}
		next = min(next, left)
	}
	if next < 1<<63-1 {
		s.loop().Schedule(&s.timer, next, s)
	}
}

// wallClockLook is how often the clock on the wall is looked at, which may be set while the loop's runs on.
const wallClockLook = time.Minute

// heartbeat pings a silent client, and tells when to look again or that the client is dead. A client that we
// do not read, or that does not take what it was sent, cannot answer and is not judged: TCP judges it.
func (s *session) heartbeat(interval, timeout time.Duration) (next time.Duration, alive bool) {
	blind := s.client.Paused() || s.client.Buffered() > 0
	if s.pingAt != 0 && (s.since(s.up.heard) <= s.since(s.pingAt) || blind) {
		s.pingAt = 0
	}
	if s.pingAt != 0 {
		left := timeout - s.since(s.pingAt)
		return min(left, interval), left > 0
	}
	if left := interval - s.since(s.up.heard); left > 0 {
		return left, true
	}
	if blind || s.pingDue {
		return interval, true
	}
	s.pingDue = true
	if s.down.scan.AtBoundary() {
		s.sendPing()
	} else {
		s.down.scan.WantBoundary()
	}
	return min(timeout, interval), true
}

// sendPing sends a ping whose pong is known as ours (RFC 6455 section 5.5.2).
func (s *session) sendPing() {
	sh := s.lane.shard
	s.pingDue = false
	s.pings++
	s.pingAt = max(s.now(), 1)
	s.up.scan.ExpectPong(true)
	payload := sh.gw.pingPayload(uint32(s.pings))
	sh.scratch = frame.AppendPing(sh.scratch[:0], payload[:], nil)
	s.client.Write(sh.scratch)
	sh.count.pings++
}

// pingPayload marks a ping as ours: 4 bytes that only this gateway knows, and a number.
func (g *Gateway) pingPayload(n uint32) (p [8]byte) {
	copy(p[:4], g.pingMark[:])
	binary.BigEndian.PutUint32(p[4:], n)
	return p
}

func (g *Gateway) pingNumber(p [8]byte) (n uint32, own bool) {
	return binary.BigEndian.Uint32(p[4:]), [4]byte(p[:4]) == g.pingMark
}
