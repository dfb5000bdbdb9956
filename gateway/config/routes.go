package config

import (
	"fmt"
	"maps"
	"slices"

	"weir/gateway/routing"
)

// catchAll is the name of the route that the top level's backends make.
const catchAll = "default"

// A Route is what requests that match get. Immutable.
type Route struct {
	Name   string
	Match  routing.Match
	Config *Config // the whole configuration with this route's own values in it; its Routes are nil

	added  bool              // by arrange
	where  string            // "weir.yaml:12: routes[0]"
	places map[string]string // of what was given in the route: knobs by their name, "name", and "match: host" and so on
}

// With is c after change, and each route with it: what a route was not given
// itself it takes from the top level. There is at least one route then.
func (c *Config) With(change func(*Config)) *Config {
	changed := *c
	change(&changed)
	changed.arrange()
	return &changed
}

// arrange fits the routes to the top level, and adds the one that takes what no
// other does if there are backends for it.
func (c *Config) arrange() {
	routes := slices.Clone(c.Routes)
	for i := range routes {
		routes[i].Config = c.under(&routes[i])
	}
	last := len(routes) - 1
	if last < 0 || c.hasBackend() && !routes[last].Match.Any() {
		r := Route{Name: catchAll, added: true}
		r.Config = c.under(&r)
		routes = append(routes, r)
	}
	c.Routes = routes
}

// under is c with the values that r was given.
func (c *Config) under(r *Route) *Config {
	d := *c
	d.Routes, d.places = nil, map[string]string{}
	maps.Copy(d.places, c.places)
	for i := range knobs {
		k := &knobs[i]
		if place, given := r.places[k.name]; given {
			k.of(&d).Set(k.of(r.Config))
			d.places[k.name] = place
		}
	}
	// What a route names are all its backends, whatever the top level names beside.
	_, urls := r.places["upstream"]
	_, files := r.places["upstream-file"]
	if urls && !files {
		d.UpstreamFile = nil
		delete(d.places, "upstream-file")
	}
	if files && !urls {
		d.Upstream = nil
		delete(d.places, "upstream")
	}
	if len(d.Upstream)+len(d.UpstreamFile) > 0 {
		d.Demo = false
	}
	return &d
}

// isRoute tells whether some requests get the top level as it is.
func (c *Config) isRoute() bool { return len(c.Routes) == 0 || c.Routes[len(c.Routes)-1].added }

// Table finds the route of a request.
func (c *Config) Table() (*routing.Table, error) {
	matches := make([]routing.Match, len(c.Routes))
	for i, r := range c.Routes {
		matches[i] = r.Match
		matches[i].Terms = r.Config.terms()
	}
	return routing.New(matches)
}

// terms are what counts where a path can be read in several ways.
func (c *Config) terms() routing.Terms {
	return routing.Terms{ReadsPath: c.PathRewrite != "" || c.AuthURL != "", Encoded: c.PathEncoded == EncodedPass, Guard: c.guardText(), Backends: c.backendNames()}
}

// guardText is all that is asked of who comes in, "" for nothing. Who need not bring a credential is not asked for one.
func (c *Config) guardText() string {
	if !c.needsCredential() && c.Networks() == nil && len(c.Origin) == 0 && !c.OriginRequired {
		return ""
	}
	return fmt.Sprintf("%q %v", [][]string{c.Allow, c.Deny, c.Origin, c.JWTAlgorithm, c.JWTIssuer, c.JWTAudience, c.JWTFrom,
		{c.AllowFile, c.DenyFile, c.JWTKeys, c.JWTJWKSURL, c.AuthURL, c.APIKeys, c.BasicUsers}}, []any{c.OriginRequired, c.AuthOptional, c.JWTEndless, c.JWTLeeway})
}

func (c *Config) needsCredential() bool {
	return !c.AuthOptional && (c.JWTKeys != "" || c.JWTJWKSURL != "" || c.AuthURL != "" || c.APIKeys != "" || c.BasicUsers != "")
}

// backendNames are the same for backends that are reached in different ways.
func (c *Config) backendNames() []string {
	if c.Demo {
		return []string{"demo"}
	}
	sockets, _ := c.Backends() // Validate tells of errors
	plain, _ := c.HTTPBackends()
	var names []string
	for _, s := range slices.Concat(sockets, plain) {
		names = append(names, fmt.Sprintf("%s:%d%s%s", s.Host, s.Port, s.Path, s.ServicePort))
	}
	for _, file := range c.UpstreamFile {
		names = append(names, "file "+file)
	}
	return names
}

func (c *Config) hasBackend() bool { return c.Demo || len(c.Upstream)+len(c.UpstreamFile) > 0 }

// A Site is a set of server names whose clients are asked for certificates in
// another way than the rest. Immutable.
type Site struct {
	Names      []string   `knob:"server-name" filled:"true"` // "admin.example.com", or "*.example.com" for all below; of several the longest counts
	ClientAuth ClientAuth `knob:"client-auth"`
	ClientCA   string     `knob:"client-ca" filled:"true"` // file; tls-client-ca where none is given

	where  string // "weir.yaml:20: sites[0]"
	places map[string]string
}
