package plan

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"weir/codec/http1"
	"weir/gateway/auth"
	"weir/gateway/clientaddr"
	"weir/gateway/config"
	"weir/gateway/origin"
)

// gate decides who may use a route. Routes that ask for the same share one, and its parts with all gates that have them in
// common, so that no file is read twice, no key set fetched twice. Immutable but for what its parts read again.
type gate struct {
	terms    gateTerms
	claimed  []string             // headers in which only auth has a say, also where nobody asks for a credential
	seats    []string             // cookies that the gateway itself sets, which are no credentials
	pages    []string             // that may open WebSockets; none: see ambient
	networks *clientaddr.Networks // nil: every address
	origins  *origin.Policy
	ambient  bool    // origins count only for handshakes with a credential that browsers add for any page
	Auth     *policy // nil: everybody
}

// gateTerms are all that a gate is made of.
type gateTerms struct {
	networks                        *clientaddr.Networks
	auth                            *policy
	pages                           string // as text, as are the next two
	claimed, seats                  string
	originRequired, addressMayLetIn bool
}

// policy is a check of credentials, which runs while a plan has it.
type policy struct {
	part
	*auth.Policy
}

// gates are those of a plan, and their parts by what they are made of.
type gates struct {
	byTerms  map[gateTerms]*gate
	networks map[string]*clientaddr.Networks
	policies map[string]*policy
	seats    []string // the names of the cookies that any route keeps clients at a backend by
}

func newGates(routes []config.Route) gates {
	gs := gates{byTerms: map[gateTerms]*gate{}, networks: map[string]*clientaddr.Networks{}, policies: map[string]*policy{}}
	known := map[string]bool{"": true}
	for i := range routes {
		if name := routes[i].Config.StickyCookie; !known[name] {
			known[name] = true
			gs.seats = append(gs.seats, name)
		}
	}
	return gs
}

// seatsBeside are those that are no credentials. A browser sends the cookies of one route to all others of its host; what
// tokens are taken from is a credential, however it is called elsewhere.
func (gs *gates) seatsBeside(o *auth.Options) []string {
	if o == nil || o.JWT == nil {
		return gs.seats
	}
	return slices.DeleteFunc(slices.Clone(gs.seats), func(name string) bool {
		return slices.Contains(o.JWT.From, auth.Source{Place: auth.Cookie, Name: name})
	})
}

// claimedFields are the headers that tell backends who comes.
func claimedFields(cfg *config.Config) []string {
	names := slices.Clone(cfg.AuthHeader)
	for _, claim := range cfg.JWTHeader {
		if words := strings.Fields(claim); len(words) == 2 {
			names = append(names, words[1])
		}
	}
	return names
}

// lendsAddress tells whether a client's address alone may let it in: a browser inside an allowed network lends its address
// to any page that it shows. It cannot lend what a program alone can send; a service may let in by the address.
func lendsAddress(from *clientaddr.Sources, o *auth.Options) bool {
	allows := from != nil && (len(from.Allow) > 0 || from.AllowFile != "")
	return allows && (o == nil || o.Optional || o.Forward != nil)
}

// gateOf gives the gate of these terms: that of a route before this one, or of the plan before, or a new one. The error has
// all that is wrong.
func (b *builder) gateOf(cfg *config.Config) (*gate, error) {
	o, err := cfg.Auth()
	if err != nil {
		return nil, err
	}
	from := cfg.Networks()
	networks, addresses := b.networksOf(from)
	who, credentials := b.policyOf(o)
	if err := errors.Join(addresses, credentials); err != nil {
		return nil, err
	}
	d := newGate(cfg, networks, who, b.gates.seatsBeside(o), lendsAddress(from, o))
	if known := cmp.Or(b.gates.byTerms[d.terms], b.before.gates.byTerms[d.terms]); known != nil {
		d = known
	} else if err := d.open(); err != nil {
		return nil, err
	}
	b.gates.byTerms[d.terms] = d
	return d, nil
}

func newGate(cfg *config.Config, networks *clientaddr.Networks, who *policy, seats []string, addressMayLetIn bool) *gate {
	d := &gate{claimed: claimedFields(cfg), seats: seats, pages: cfg.Origin, networks: networks, Auth: who}
	d.terms = gateTerms{networks: networks, auth: who, pages: textOf(d.pages), claimed: textOf(d.claimed), seats: textOf(seats),
		originRequired: cfg.OriginRequired, addressMayLetIn: addressMayLetIn}
	return d
}

// sameOrigin is what handshakes have to be where no policy is given but credentials come along that a browser adds
// for whatever page asks: cookies, a password, a certificate.
var sameOrigin = []string{"same-origin"}

// open makes what is not a part by itself.
func (d *gate) open() (err error) {
	pages := d.pages
	if len(pages) == 0 {
		pages, d.ambient = sameOrigin, !d.terms.originRequired && !d.terms.addressMayLetIn
	}
	if d.origins, err = origin.New(pages, d.terms.originRequired); err != nil {
		return &config.KnobError{Knob: "origin", Err: err}
	}
	return nil
}

// networksOf are the addresses that may connect, of this plan or the one before if they are told in the same way.
func (b *builder) networksOf(from *clientaddr.Sources) (n *clientaddr.Networks, err error) {
	if from == nil {
		return nil, nil
	}
	text := textOf(*from)
	if n = cmp.Or(b.gates.networks[text], b.before.gates.networks[text]); n == nil {
		from.Past = b.before.file
		if n, err = clientaddr.Open(*from); err != nil {
			return nil, err
		}
	}
	b.gates.networks[text] = n
	return n, nil
}

// policyOf is the check of credentials, likewise.
func (b *builder) policyOf(o *auth.Options) (*policy, error) {
	if o == nil {
		return nil, nil
	}
	text := textOf(*o)
	who := cmp.Or(b.gates.policies[text], b.before.gates.policies[text])
	if who == nil {
		e := b.env
		o.Past, o.OnFetch, o.OnSilence = b.before.file, e.fetched, e.silent
		o.Compute, o.Failures, o.IPv6Prefix = e.Compute, e.Failures, e.Start.IPv6Prefix
		made, err := auth.New(*o)
		if err != nil {
			return nil, err
		}
		who = &policy{Policy: made, part: part{begin: made.Start, end: made.Close, parting: &e.Parting}}
	}
	b.gates.policies[text] = who
	b.has(&who.part)
	return who, nil
}

// file finds what a part made of a file, by its key; nil if none did.
func (gs *gates) file(key string) any {
	for _, n := range gs.networks {
		if f := n.Files(key); f != nil {
			return f
		}
	}
	for _, who := range gs.policies {
		if f := who.Files(key); f != nil {
			return f
		}
	}
	return nil
}

// allowsAddress tells whether an address may use the route.
func (d *gate) allowsAddress(ip netip.Addr) bool {
	return d.networks == nil || d.networks.Allows(ip)
}

// AllowsOrigin tells whether the page that a handshake comes from may open WebSockets.
func (d *gate) AllowsOrigin(q *Question, r *http1.Request) bool {
	if d.ambient && !origin.Ambient(r.Fields, d.seats) && (q.State == nil || len(q.State.PeerCertificates) == 0) {
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
