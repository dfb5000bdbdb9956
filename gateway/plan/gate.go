package plan

import (
	"errors"
	"net/netip"
	"slices"
	"strings"

	"weir/codec/http1"
	"weir/gateway/auth"
	"weir/gateway/clientaddr"
	"weir/gateway/config"
	"weir/gateway/origin"
	"weir/internal/watch"
)

// Gate decides who may use a route. Routes that ask for the same share one, so that no file is read twice, no key set
// fetched twice.
type Gate struct {
	// Immutable but for what its parts read again.
	part
	text     string // of all knobs that it is made of, so that equal ones can share it
	terms    terms
	Networks *clientaddr.Networks // nil: every address
	origins  *origin.Policy
	ambient  bool         // origins count only for handshakes with a credential that browsers add for any page
	Auth     *auth.Policy // nil: everybody
}

// terms are all that a gate is made of.
type terms struct {
	networks       *clientaddr.Sources // nil: every address
	origins        []string
	originRequired bool
	auth           *auth.Options // nil: everybody
	claimed        []string      // headers in which only auth has a say, also where nobody asks for a credential
	seats          []string      // cookies that the gateway itself sets, which are no credentials
}

// termsOf are those of one route among all.
func termsOf(cfg *config.Config, all []config.Route) (terms, error) {
	o, err := cfg.Auth()
	t := terms{networks: cfg.Networks(), origins: cfg.Origin, originRequired: cfg.OriginRequired, auth: o, claimed: slices.Clone(cfg.AuthHeader), seats: seats(o, all)}
	for _, claim := range cfg.JWTHeader {
		if words := strings.Fields(claim); len(words) == 2 {
			t.claimed = append(t.claimed, words[1])
		}
	}
	return t, err
}

// seats are the names of the cookies that routes keep clients at a backend by. A browser sends those of one route to all others
// of its host. What tokens are taken from is a credential, however it is called elsewhere.
func seats(o *auth.Options, all []config.Route) (names []string) {
	for i := range all {
		name := all[i].Config.StickyCookie
		isToken := func(s auth.Source) bool { return s.Place == auth.Cookie && s.Name == name }
		if name != "" && !slices.Contains(names, name) && (o == nil || o.JWT == nil || !slices.ContainsFunc(o.JWT.From, isToken)) {
			names = append(names, name)
		}
	}
	return names
}

// lendsAddress tells whether a client's address alone may let it in: a browser inside an allowed network lends its address
// to any page that it shows. It cannot lend what a program alone can send; a service may let in by the address.
func (t *terms) lendsAddress() bool {
	allows := t.networks != nil && (len(t.networks.Allow) > 0 || t.networks.AllowFile != "")
	return allows && (t.auth == nil || t.auth.Optional || t.auth.Forward != nil)
}

// gateOf gives the gate of these terms: that of a route before this one, or of the plan before, or a new one.
func (b *builder) gateOf(cfg *config.Config) (*Gate, error) {
	t, err := termsOf(cfg, b.Config.Routes)
	if err != nil {
		return nil, err
	}
	text := cfg.RouteText("Access", "Authentication") + strings.Join(t.seats, " ")
	for _, p := range []*Plan{b.Plan, b.before} {
		if d := p.gateBy[text]; d != nil {
			b.addGate(d)
			return d, nil
		}
	}
	d := &Gate{text: text, terms: t}
	d.parting = &b.env.Parting
	if err := d.open(b.env, b.before.file); err != nil {
		return nil, err
	}
	b.addGate(d)
	return d, nil
}

func (b *builder) addGate(d *Gate) {
	b.has(&d.part)
	if b.gateBy[d.text] == nil {
		b.Gates, b.gateBy[d.text] = append(b.Gates, d), d
	}
}

// sameOrigin is what handshakes have to be where no policy is given but credentials come along that a browser adds
// for whatever page asks: cookies, a password, a certificate.
var sameOrigin = []string{"same-origin"}

// open reads the files; the error has all that is wrong. Nothing runs before its authentication is started.
func (d *Gate) open(e *Env, past watch.Past) error {
	t := &d.terms
	var addresses, credentials error
	if t.networks != nil {
		from := *t.networks
		from.Past = past
		d.Networks, addresses = clientaddr.Open(from)
	}
	patterns := t.origins
	if len(patterns) == 0 {
		patterns, d.ambient = sameOrigin, !t.originRequired && !t.lendsAddress()
	}
	var pages error
	d.origins, pages = origin.New(patterns, t.originRequired)
	if t.auth != nil {
		o := *t.auth
		o.Past = past
		o.OnFetch, o.OnSilence = e.fetched, e.silent
		if e != nil { // else nobody is going to be let in
			o.Compute, o.Failures, o.IPv6Prefix = e.Compute, e.Failures, e.Start.IPv6Prefix
		}
		d.Auth, credentials = auth.New(o)
	}
	d.begin, d.end = func() {}, func() {}
	if d.Auth != nil {
		d.begin, d.end = d.Auth.Start, d.Auth.Close
	}
	err := errors.Join(addresses, pages, credentials)
	if err != nil {
		d.end()
	}
	return err
}

// file finds what the gate made of a file, by its key.
func (d *Gate) file(key string) any {
	if d.Networks != nil {
		if f := d.Networks.Files(key); f != nil {
			return f
		}
	}
	if d.Auth != nil {
		return d.Auth.Files(key)
	}
	return nil
}

// allowsAddress tells whether an address may use the route.
func (d *Gate) allowsAddress(ip netip.Addr) bool {
	return d.Networks == nil || d.Networks.Allows(ip)
}

// AllowsOrigin tells whether the page that a handshake comes from may open WebSockets.
func (d *Gate) AllowsOrigin(q *Question, r *http1.Request) bool {
	if d.ambient && !origin.Ambient(r.Fields, d.terms.seats) && (q.State == nil || len(q.State.PeerCertificates) == 0) {
		return true
	}
	value, count := r.Only("origin")
	return d.origins.Allows(value, count, q.OriginHost(), q.From.TLS)
}

// OriginHost is what the browser asked for, as far as it is known.
func (q *Question) OriginHost() []byte {
	if q.From.Host != nil {
		return q.From.Host
	}
	return q.Host
}
