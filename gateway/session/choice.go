package session

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/auth"
	"weir/gateway/plan"
	"weir/gateway/reasons"
)

// Choice says which sessions are meant. What was not given asks nothing.
type Choice struct {
	User, Route  string
	Claim, Value string
	IP           netip.Prefix
}

// has tells whether a session is meant, as far as it is known: of one whose request is still to come, that is the address alone.
func (c *Choice) has(s *session) bool {
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

func (c *Choice) isAt(r *plan.Route, ip netip.Addr) bool {
	return (c.Route == "" || r != nil && r.Name == c.Route) && (!c.IP.IsValid() || c.IP.Contains(ip))
}

func (c *Choice) is(who *auth.Identity) bool {
	if c.User == "" && c.Claim == "" {
		return true
	}
	if who == nil || c.User != "" && who.Subject != c.User {
		return false
	}
	value, ok := who.Claim(c.Claim)
	return c.Claim == "" || ok && value == c.Value
}

// closeIf ends a session that is chosen, and tells whether it did. One whose credential is being looked at will be ended when
// it is known whose it is.
func (s *session) closeIf(c *Choice, code ws.StatusCode) bool {
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
			s.hangUp(reasons.Closed, code)
		}
		return true
	case s.phase < greeting:
		s.turnAway(reasons.Closed)
		return true
	case s.phase <= asking:
		s.refuse(reasons.RefusedByAdmin)
		return true
	}
	return false // it has its answer already
}

// maxClosed is how many calls that close sessions are remembered for a handshake whose user is not known yet.
const maxClosed = 64

// wasClosed tells whether a call has closed the user's sessions while the credential was looked at.
func (h *handshake) wasClosed(who *auth.Identity) bool {
	return slices.ContainsFunc(h.closed, func(c *Choice) bool { return c.is(who) })
}

// renewIf lets a session that is chosen last until the credential's new end, and tells whether it is.
func (s *session) renewIf(c *Choice, expires time.Time) bool {
	if s.phase != talking || !c.has(s) {
		return false
	}
	if s.ending() == nil && s.extra != nil && !s.extra.expires.IsZero() {
		s.extra.expires = expires
		s.beat()
	}
	return true
}
