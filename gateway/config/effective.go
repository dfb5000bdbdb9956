package config

import "cmp"

// Value is a knob as it counts, and where it was given.
type Value struct {
	Knob  string `json:"knob"`
	Value string `json:"value"` // "(hidden)" for what may be a secret
	From  string `json:"from"`  // "default", "--loops", "WEIR_LOOPS" or "weir.yaml:3: loops"
}

// Section is a route or a site with the values of its own.
type Section struct {
	Name   string  `json:"name"`
	Values []Value `json:"values,omitempty"`
}

// Effective is a whole configuration, to be shown.
type Effective struct {
	Values []Value   `json:"values"`
	Routes []Section `json:"routes"`
	Sites  []Section `json:"sites,omitempty"`
}

// Effective tells what counts: every knob at the top level, and of routes and sites what they were given.
func (c *Config) Effective() Effective {
	var e Effective
	for i := range knobs {
		k := &knobs[i]
		e.Values = append(e.Values, Value{k.name, k.shown(k.of(c)), cmp.Or(c.places[k.name], "default")})
	}
	for i := range c.Routes {
		r := &c.Routes[i]
		s := Section{Name: r.Name}
		s.add(matchKnobs, &r.Match, r.places, matchPrefix)
		s.add(knobs, r.Config, r.places, "")
		e.Routes = append(e.Routes, s)
	}
	for i := range c.Sites {
		s := Section{Name: c.Sites[i].where}
		s.add(siteKnobs, &c.Sites[i], c.Sites[i].places, "")
		e.Sites = append(e.Sites, s)
	}
	return e
}

func (s *Section) add(known []knob, section any, places map[string]string, prefix string) {
	for i := range known {
		k := &known[i]
		if place, given := places[prefix+k.name]; given {
			s.Values = append(s.Values, Value{prefix + k.name, k.shown(k.of(section)), place})
		}
	}
}
