package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gobwas/ws"

	"weir/gateway/auth"
)

// chosen says which sessions an admin call means. What was not given asks nothing; at least one thing was.
type chosen struct {
	user, route  string
	claim, value string
	ip           netip.Prefix
}

// choose reads user=U&route=R&ip=ADDRESS-or-CIDR&claim=NAME:VALUE. A name that is misspelt, or a value that a script left
// empty, is refused: it would choose more sessions than were meant. So is any other name but the call's own.
func choose(r *http.Request, own string) (c chosen, err error) {
	if err := r.ParseForm(); err != nil {
		return c, err
	}
	q := r.Form
	for name, values := range q {
		switch name {
		case own, "user", "route", "ip", "claim":
		default:
			return c, fmt.Errorf("there is no parameter %q, but user, route, ip, claim and %s", name, own)
		}
		if len(values) != 1 || values[0] == "" {
			return c, fmt.Errorf("%s: is empty or given more than once", name)
		}
	}
	c.user, c.route = q.Get("user"), q.Get("route")
	if text := q.Get("claim"); text != "" {
		var ok bool
		if c.claim, c.value, ok = strings.Cut(text, ":"); !ok || c.claim == "" {
			return c, fmt.Errorf("claim: %q is not NAME:VALUE", text)
		}
	}
	if text := q.Get("ip"); text != "" {
		if c.ip, err = netip.ParsePrefix(text); err != nil {
			ip, err := netip.ParseAddr(text)
			if err != nil {
				return c, fmt.Errorf("ip: %q is neither an address nor a range such as 10.0.0.0/8", text)
			}
			c.ip = netip.PrefixFrom(ip, ip.BitLen())
		}
	}
	if c == (chosen{}) {
		return c, errors.New("say which sessions: user, claim, ip or route")
	}
	return c, nil
}

// has tells whether a session is meant, as far as it is known: of one whose request is still to come, that is the address alone.
func (c *chosen) has(s *session) bool {
	r := s.lane.route
	if r == nil && s.hs != nil {
		r = s.hs.to
	}
	var who *auth.Identity
	if s.more != nil {
		who = s.more.who
	}
	return c.isAt(r, s.from().Addr()) && c.is(who)
}

func (c *chosen) isAt(r *route, ip netip.Addr) bool {
	return (c.route == "" || r != nil && r.name == c.route) && (!c.ip.IsValid() || c.ip.Contains(ip))
}

func (c *chosen) is(who *auth.Identity) bool {
	if c.user == "" && c.claim == "" {
		return true
	}
	if who == nil || c.user != "" && who.Subject != c.user {
		return false
	}
	value, ok := who.Claim(c.claim)
	return c.claim == "" || ok && value == c.value
}

// closeSessions ends those that are chosen: POST /sessions/close?user=ada&code=4403.
func (g *Gateway) closeSessions(w http.ResponseWriter, r *http.Request) {
	c, err := choose(r, "code")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	code := ws.StatusPolicyViolation
	if text := r.Form.Get("code"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n != 1000 && n != 1001 && n != 1008 && n != 1012 && n != 1013 && (n < 3000 || n > 4999) {
			http.Error(w, "code: "+strconv.Quote(text)+" is not 1000, 1001, 1008, 1012, 1013 or from 3000 to 4999", http.StatusBadRequest)
			return
		}
		code = ws.StatusCode(n)
	}
	g.onSessions(w, "closed", func(s *session) bool { return s.closeIf(&c, code) })
}

// closeIf ends a session that is chosen, and tells whether it did. One whose credential is being looked at will be ended when
// it is known whose it is.
func (s *session) closeIf(c *chosen, code ws.StatusCode) bool {
	switch {
	case s.phase == proving && !c.has(s) && c.isAt(s.hs.to, s.from().Addr()):
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
	return slices.ContainsFunc(h.closed, func(c *chosen) bool { return c.is(who) })
}

// renewSessions lets sessions last longer than their credential said: POST /sessions/renew?user=ada&expires=UNIXTIME.
func (g *Gateway) renewSessions(w http.ResponseWriter, r *http.Request) {
	c, err := choose(r, "expires")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	at, err := strconv.ParseInt(r.Form.Get("expires"), 10, 64)
	if err != nil || at <= time.Now().Unix() || at >= endOfTime {
		http.Error(w, "expires: a time to come, in whole seconds since 1970, is needed", http.StatusBadRequest)
		return
	}
	g.onSessions(w, "renewed", func(s *session) bool {
		if s.phase != talking || !c.has(s) {
			return false
		}
		if s.ending() == nil && s.more != nil && !s.more.expires.IsZero() {
			s.more.expires = time.Unix(at, 0)
			s.beat()
		}
		return true
	})
}

// endOfTime is the year 10000, in seconds. What is larger is a time in milliseconds.
const endOfTime = 253402300800

// onSessions does something with each session that do chooses, and answers with their number.
func (g *Gateway) onSessions(w http.ResponseWriter, did string, do func(*session) bool) {
	n := 0
	for _, sh := range g.shards {
		_ = sh.loop.Do(func() {
			for _, s := range append([]*session(nil), sh.sessions...) { // they leave the list as they end
				if do(s) {
					n++
				}
			}
		})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]int{did: n})
}
