package gateway

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/auth"
)

// choice says which sessions are meant. What was not given asks nothing.
type choice struct {
	user, route  string
	claim, value string
	ip           netip.Prefix
}

// has tells whether a session is meant, as far as it is known: of one whose request is still to come, that is the address alone.
func (c *choice) has(s *session) bool {
	r := s.lane.route
	if r == nil && s.hs != nil {
		r = s.hs.to
	}
	var who *auth.Identity
	if s.extra != nil {
		who = s.extra.who
	}
	return c.isAt(r, s.from().Addr()) && c.is(who)
}

func (c *choice) isAt(r *route, ip netip.Addr) bool {
	return (c.route == "" || r != nil && r.name == c.route) && (!c.ip.IsValid() || c.ip.Contains(ip))
}

func (c *choice) is(who *auth.Identity) bool {
	if c.user == "" && c.claim == "" {
		return true
	}
	if who == nil || c.user != "" && who.Subject != c.user {
		return false
	}
	value, ok := who.Claim(c.claim)
	return c.claim == "" || ok && value == c.value
}

// closeIf ends a session that is chosen, and tells whether it did. One whose credential is being looked at will be ended when
// it is known whose it is.
func (s *session) closeIf(c *choice, code ws.StatusCode) bool {
	switch {
	case s.phase == authenticating && !c.has(s) && c.isAt(s.hs.to, s.from().Addr()):
		if s.hs.closed = append(s.hs.closed, c); len(s.hs.closed) > maxClosed {
			s.refuse(auth.Unavailable)
		}
		return false
	case !c.has(s):
		return false
	case s.phase == talking:
		if s.ending() == nil {
			s.hangUp(reasonClosed, code)
		}
		return true
	case s.phase < greeting:
		s.turnAway(reasonClosed)
		return true
	case s.phase <= asking:
		s.refuse(refusedByAdmin)
		return true
	}
	return false // it has its answer already
}

// maxClosed is how many calls that close sessions are remembered for a handshake whose user is not known yet.
const maxClosed = 64

// wasClosed tells whether a call has closed the user's sessions while the credential was looked at.
func (h *handshake) wasClosed(who *auth.Identity) bool {
	return slices.ContainsFunc(h.closed, func(c *choice) bool { return c.is(who) })
}

// renewIf lets a session that is chosen last until the credential's new end, and tells whether it is.
func (s *session) renewIf(c *choice, expires time.Time) bool {
	if s.phase != talking || !c.has(s) {
		return false
	}
	if s.ending() == nil && s.extra != nil && !s.extra.expires.IsZero() {
		s.extra.expires = expires
		s.beat()
	}
	return true
}

// each does something with all sessions, which may leave the list meanwhile, and counts those it was done with.
func (sh *shard) each(do func(*session) bool) (n int) {
	for _, s := range slices.Clone(sh.sessions) {
		if do(s) {
			n++
		}
	}
	return n
}

// closeSessions ends those that are chosen, from any goroutine.
func (sh *shard) closeSessions(c *choice, code ws.StatusCode) (n int) {
	_ = sh.loop.Do(func() { n = sh.each(func(s *session) bool { return s.closeIf(c, code) }) })
	return n
}

// renewSessions lets those that are chosen last longer than their credential said, from any goroutine.
func (sh *shard) renewSessions(c *choice, expires time.Time) (n int) {
	_ = sh.loop.Do(func() { n = sh.each(func(s *session) bool { return s.renewIf(c, expires) }) })
	return n
}
