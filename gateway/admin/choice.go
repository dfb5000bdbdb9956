package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Choice says which sessions a call means. What was not given asks nothing; at least one thing was.
type Choice struct {
	User, Route  string
	Claim, Value string
	IP           netip.Prefix
}

// choose reads user=U&route=R&ip=ADDRESS-or-CIDR&claim=NAME:VALUE. A name that is misspelt, or a value that a script left
// empty, is refused: it would choose more sessions than were meant. So is any other name but the call's own.
func choose(r *http.Request, own string) (c Choice, err error) {
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
	c.User, c.Route = q.Get("user"), q.Get("route")
	if text := q.Get("claim"); text != "" {
		var ok bool
		if c.Claim, c.Value, ok = strings.Cut(text, ":"); !ok || c.Claim == "" {
			return c, fmt.Errorf("claim: %q is not NAME:VALUE", text)
		}
	}
	if text := q.Get("ip"); text != "" {
		if c.IP, err = netip.ParsePrefix(text); err != nil {
			ip, err := netip.ParseAddr(text)
			if err != nil {
				return c, fmt.Errorf("ip: %q is neither an address nor a range such as 10.0.0.0/8", text)
			}
			c.IP = netip.PrefixFrom(ip, ip.BitLen())
		}
	}
	if c == (Choice{}) {
		return c, errors.New("say which sessions: user, claim, ip or route")
	}
	return c, nil
}
