package config

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"golang.org/x/net/http/httpguts"

	"weir/codec/http1"
	"weir/gateway/routing"
	"weir/upstream"
)

// at says where a route or site stands: in the file, or else in the list.
func (r *Route) at(i int) string { return orIndexed(r.where, routesKey, i) }
func (s *Site) at(i int) string  { return orIndexed(s.where, sitesKey, i) }

func orIndexed(where, list string, i int) string {
	if where != "" {
		return where
	}
	return fmt.Sprintf("%s[%d]", list, i)
}

var routeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (v *verdict) routes(c *Config) {
	names, asked := map[string]bool{}, map[string]string{}
	var open string // the route that leaves nothing to those after it
	if last := len(c.Routes) - 1; last > 0 && c.Routes[last].added {
		names[catchAll] = true
	}
	for i := range c.Routes {
		r := &c.Routes[i]
		m := &r.Match
		asks := fmt.Sprintf("%q", [][]string{m.Hosts, m.Paths, m.Prefixes, m.Regexps, m.Methods, m.Headers, m.Queries})
		one := verdict{places: r.places, where: r.at(i) + ": ", told: v.told}
		switch {
		case r.added:
		case !routeName.MatchString(r.Name):
			one.wrong("name", "%q is not a name; write up to 64 letters, digits, '.', '_' and '-'", r.Name)
		case names[r.Name]:
			one.wrong("name", "%s is the name of another route", r.Name)
		case open != "":
			one.wrong("name", "%s is never taken: %s before it takes every request", r.Name, open)
		case asked[asks] != "":
			one.wrong("name", "%s is never taken: %s before it has the same match", r.Name, asked[asks])
		}
		names[r.Name], asked[asks] = true, r.Name
		if m.Any() {
			open = r.Name
		}
		if !r.added { // else it is the top level, which has been looked at
			one.route(r.Config)
		}
		v.problems = append(v.problems, one.problems...)
	}
	v.matches(c)
}

func (v *verdict) route(c *Config) {
	if !c.hasBackend() {
		v.wrong("upstream", "no backend given; name one here or at the top level")
	}
	for i := range knobs {
		if k := &knobs[i]; k.route {
			v.limit(k, c)
		}
	}
	v.perRoute(c)
	v.fits(c)
}

func (v *verdict) matches(c *Config) {
	_, err := c.Table()
	joined, _ := err.(interface{ Unwrap() []error })
	if joined == nil {
		return
	}
	for _, err := range joined.Unwrap() {
		if wrong := (*routing.Error)(nil); errors.As(err, &wrong) {
			r, key := &c.Routes[wrong.Entry], matchPrefix+wrong.Key
			one := verdict{places: r.places, where: r.at(wrong.Entry) + ": "}
			one.wrong(key, "%w", wrong.Err)
			v.problems = append(v.problems, one.problems...)
		}
	}
}

// perRoute checks, one by one, the knobs that a route may have values of its own for.
func (v *verdict) perRoute(c *Config) {
	specs, err := c.Backends()
	v.reject("upstream", cmp.Or(err, upstream.Distinct(specs)))
	specs, err = c.HTTPBackends()
	v.reject("http-upstream", cmp.Or(err, upstream.Distinct(specs)))
	v.guard(c)
	v.headers(c)
	v.health(c)
	_, err = each(c.UpgradeOther, checkProtocol)
	v.reject("upgrade-other", err)
	_, err = c.Rewrite()
	v.reject("path-rewrite", err)
	if c.StickyCookie != "" && !httpguts.ValidHeaderFieldName(c.StickyCookie) { // both are tokens (RFC 6265 section 4.1.1)
		v.wrong("sticky-cookie", "%q is not a cookie's name", c.StickyCookie)
	}
	if name := c.UpstreamServerName; name != "" {
		if _, err := netip.ParseAddr(name); err != nil && !isServerName(name) {
			v.wrong("upstream-server-name", "%q is not a host name or address", name)
		}
	}
	if c.RequireTLS != RequireTLSOff && len(c.TLSListen) == 0 {
		v.wrong("require-tls", "nothing listens with TLS; write tls-listen, such as :443")
	}
}

func (v *verdict) health(c *Config) {
	if p := c.HealthPath; p != "" && (p[0] != '/' || !printable(p) || strings.Contains(p, "#")) {
		v.wrong("health-path", "%q is not a path; it begins with / and holds no spaces or #", p)
	}
	_, err := each(c.HealthStatus, checkStatus)
	v.reject("health-status", err)
	_, err = each(c.HealthHeader, parseField)
	v.reject("health-header", err)
	if len(c.HealthStatus) == 0 {
		v.wrong("health-status", "is empty: no answer would be healthy; write 200-399")
	}
}

// fits checks knobs of a route against each other. A top level that is no route itself, but holds what its routes have
// in common, need not be whole.
func (v *verdict) fits(c *Config) {
	v.guardFits(c)
	switch {
	case c.UpstreamCert != "" && c.UpstreamKey == "":
		v.wrong("upstream-cert", "lacks its key; name it in upstream-key")
	case c.UpstreamCert == "" && c.UpstreamKey != "":
		v.wrong("upstream-key", "lacks its certificate; name it in upstream-cert")
	}
	backends, _ := c.Backends()
	for _, s := range backends {
		if knob, err := c.misfit(s); err != nil {
			v.reject(knob, err)
			break
		}
	}
	if c.MaxMessageSize > 0 && c.MaxFrameSize > c.MaxMessageSize {
		v.wrong("max-frame-size", "%s is more than max-message-size (%s)", c.MaxFrameSize, c.MaxMessageSize)
	}
	if c.Extensions == ExtensionsPass {
		v.first(asked{{"compression", c.Compression == CompressionGateway}, {"messages", c.Messages == MessagesJSON},
			{"slow-reader", c.SlowReader == SlowDrop}, {"rate-action", c.RateAction == RateDrop && c.limitsMessages()}},
			"looks at messages or drops them, which it cannot where they are of an extension that it does not know; write extensions: strip")
	}
	if c.Extensions == ExtensionsPass && c.OnBackendLoss == LossReopen {
		v.wrong("on-backend-loss", "reopen cannot move a session whose client and backend agreed on an extension that Weir does not know; write extensions: strip")
	}
	if c.Rebalance.Part > 0 && c.Balance == BalanceHash && c.OnBackendLoss != LossReopen {
		v.wrong("rebalance", "with balance: hash it moves sessions to where their key belongs by now, which needs on-backend-loss: reopen")
	}
	if c.ForwardedStandard && !c.Forwarded {
		v.wrong("forwarded-standard", "adds to forwarded, which is switched off")
	}
}

// misfit tells which knob does not go with a backend, and why.
func (c *Config) misfit(s upstream.Spec) (knob string, err error) {
	switch {
	case c.HealthPort > 0 && s.Path != "":
		return "health-port", errors.New("a backend is a unix socket, which has no ports; write 0 here")
	case len(c.UpgradeOther) > 0 && s.Pools():
		return "upgrade-other", errors.New("needs backends with a connection for each session, and one is pooled; write ws:// or wss:// in upstream")
	}
	return "", nil
}

// Admits tells why a backend that a file lists cannot be one.
func (c *Config) Admits(s upstream.Spec) error {
	if knob, err := c.misfit(s); err != nil {
		return fmt.Errorf("%s does not go with %s: %w", s, knob, err)
	}
	return nil
}

func (v *verdict) headers(c *Config) {
	_, err := each(c.RequestHeader, http1.ParseRule)
	v.reject("request-header", err)
	v.fieldName("reopen-header", c.ReopenHeader)
	_, err = each(c.ResponseHeader, http1.ParseRule)
	v.reject("response-header", err)
	v.fieldName("endpoint-header", c.EndpointHeader)
	if h := c.UpstreamHost; h != "" && (!printable(h) || strings.ContainsAny(h, "/@?#") || !httpguts.ValidHostHeader(h)) {
		v.wrong("upstream-host", "%q is not a host with an optional port", h)
	}
}

// fieldName refuses a field that a header rule could not add.
func (v *verdict) fieldName(name, field string) {
	if field != "" {
		_, err := http1.ParseRule("add " + field + ": x")
		v.reject(name, err)
	}
}

// checkProtocol takes the name of a protocol that connections may be upgraded to (RFC 9110 section 7.8). HTTP/2 would let
// requests past everything that is checked here.
func checkProtocol(s string) (struct{}, error) {
	name, version, versioned := strings.Cut(s, "/")
	switch {
	case !httpguts.ValidHeaderFieldName(name) || versioned && !httpguts.ValidHeaderFieldName(version): // both are tokens
		return struct{}{}, fmt.Errorf("%q is not a protocol's name, such as tcp or SPDY/3.1", s)
	case strings.EqualFold(name, "websocket"):
		return struct{}{}, errors.New("websocket needs no permission; leave it out")
	case strings.EqualFold(name, "h2c"), strings.EqualFold(name, "h2"), strings.EqualFold(name, "HTTP"):
		return struct{}{}, fmt.Errorf("%s cannot be passed on: its requests would get past all checks", s)
	}
	return struct{}{}, nil
}

// isServerName tells whether a certificate can have s among its names.
func isServerName(s string) bool {
	if len(s) > 253 {
		return false
	}
	labels := strings.Split(s, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return strings.Trim(labels[len(labels)-1], "0123456789") != "" // else it is an address
}
