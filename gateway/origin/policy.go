package origin

import (
	"errors"
	"slices"
)

// Policy is a list of the origins that may open sessions.
type Policy struct {
	any      bool // "*"
	null     bool
	same     bool
	required bool
	rules    []rule
}

// New makes a Policy of words and patterns:
//
//	same-origin              the scheme, host and port that the handshake itself was sent to
//	https://app.example.com  this origin, on the scheme's own port (443)
//	http://localhost:3000    this origin, on that port; :* is any port
//	https://*.example.com    all names below example.com, and not itself
//	null                     pages without an origin: sandboxed frames, files; any page can become one
//	*                        every page
//
// ws is read as http and wss as https, in an origin as in a pattern: some libraries send the WebSocket's own scheme.
// A handshake without Origin comes from no browser; it is allowed unless required is set.
func New(allowed []string, required bool) (*Policy, error) {
	p := &Policy{required: required}
	var problems []error
	for _, text := range allowed {
		switch text {
		case "*":
			p.any = true
		case "null":
			p.null = true
		case "same-origin":
			p.same = true
		default:
			r, err := parseRule(text)
			if err != nil {
				problems = append(problems, err)
			}
			p.rules = append(p.rules, r)
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return p, nil
}

// Allows tells whether a handshake may come from origin. origins is how many Origin fields it has, and origin the only
// one; more are refused always (RFC 6454 section 7.3 wants one at most). host is the Host field (or :authority), tls
// whether the client speaks TLS, be it to a proxy in front of us. Nothing is allocated.
func (p *Policy) Allows(origin []byte, origins int, host []byte, tls bool) bool {
	switch {
	case origins == 0:
		return !p.required
	case origins > 1:
		return false
	}
	return p.any || p.Names(origin, host, tls)
}

// Names tells whether a page of this origin is allowed for itself, and not as any is.
func (p *Policy) Names(origin, host []byte, tls bool) bool {
	if string(origin) == "null" {
		return p.null
	}
	from, ok := parse(origin)
	if !ok {
		return false
	}
	return p.same && from.isAt(host, tls) || slices.ContainsFunc(p.rules, func(r rule) bool { return r.matches(&from) })
}
