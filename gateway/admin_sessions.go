package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/gobwas/ws"
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

func (c *chosen) has(s *session) bool {
	if s.phase != talking || c.route != "" && s.lane.route.name != c.route || c.ip.IsValid() && !c.ip.Contains(s.from().Addr()) {
		return false
	}
	if c.user == "" && c.claim == "" {
		return true
	}
	if s.more == nil || s.more.who == nil || c.user != "" && s.more.who.Subject != c.user {
		return false
	}
	value, ok := s.more.who.Claim(c.claim)
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
	g.onChosen(w, &c, "closed", func(s *session) {
		if s.ending() == nil {
			s.hangUp(reasonClosed, code)
		}
	})
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
	g.onChosen(w, &c, "renewed", func(s *session) {
		if s.ending() == nil && s.more != nil && !s.more.expires.IsZero() {
			s.more.expires = time.Unix(at, 0)
			s.beat()
		}
	})
}

// endOfTime is the year 10000, in seconds. What is larger is a time in milliseconds.
const endOfTime = 253402300800

// onChosen does something with each session that is chosen, and answers with their number.
func (g *Gateway) onChosen(w http.ResponseWriter, c *chosen, did string, do func(*session)) {
	n := 0
	for _, sh := range g.shards {
		_ = sh.loop.Do(func() {
			for _, s := range append([]*session(nil), sh.sessions...) { // they leave the list as they end
				if c.has(s) {
					do(s)
					n++
				}
			}
		})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]int{did: n})
}
