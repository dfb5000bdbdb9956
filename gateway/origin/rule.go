package origin

import (
	"fmt"
	"net/netip"
	"strings"

	"weir/codec/http1"
)

// A rule is a pattern of origins.
type rule struct {
	scheme, host string // lower case; host is ".example.com" if below
	below        bool
	port         int // 0: the scheme has none of its own, and none was written
	anyPort      bool
}

func parseRule(text string) (r rule, err error) {
	scheme, rest, ok := strings.Cut(strings.ToLower(text), "://")
	rest, r.anyPort = strings.CutSuffix(rest, ":*")
	rest, r.below = strings.CutPrefix(rest, "*.")
	o, valid := parse([]byte(scheme + "://" + rest))
	switch {
	case !ok:
		return r, fmt.Errorf(`%q is not an origin; write https://app.example.com, https://*.example.com, same-origin, null or *`, text)
	case strings.ContainsAny(rest, "/?#"):
		return r, fmt.Errorf("%q: an origin ends with its host and port, without a path", text)
	case strings.Contains(rest, "*"):
		return r, fmt.Errorf("%q: a * stands for whole labels at the beginning of the host, or for any port", text)
	case !valid || r.anyPort && len(rest) > len(o.host): // two ports
		return r, fmt.Errorf("%q is not an origin; its host is a name (in its xn-- form), and the port, if any, 1 to 65535", text)
	}
	r.scheme, r.host, r.port = string(o.scheme), string(o.host), o.port
	return r, r.checkHost(text)
}

// checkHost refuses hosts that no browser writes that way.
func (r *rule) checkHost(text string) error {
	bracketed := r.host[0] == '['
	if r.below {
		if bracketed {
			return fmt.Errorf("%q: there are no names below an address", text)
		}
		r.host = "." + r.host
	}
	if !bracketed {
		return nil
	}
	ip, err := netip.ParseAddr(strings.Trim(r.host, "[]"))
	if err != nil || !ip.Is6() || ip.Zone() != "" {
		return fmt.Errorf("%q: what stands in brackets is not an IPv6 address", text)
	}
	r.host = "[" + ip.String() + "]"
	return nil
}

func (r *rule) matches(o *parts) bool {
	if !http1.Same(o.scheme, r.scheme) || !r.anyPort && o.port != r.port {
		return false
	}
	if !r.below {
		return http1.Same(o.host, r.host)
	}
	over := len(o.host) - len(r.host)
	return over > 0 && http1.Same(o.host[over:], r.host)
}
