package config

// A Setting is a knob that was given a value, and where.
type Setting struct {
	Place string // "--loops", "WEIR_LOOPS", "weir.yaml:3: loops" or "weir.yaml:9: routes[0]: idle-timeout"
	Value string // "(hidden)" for what may be a secret
}

// Given tells of the values in c that are not defaults, in the order of the
// knobs; then of those that routes and sites have of their own.
func (c *Config) Given() []Setting {
	all := given(nil, knobs, c, c.places, "")
	for i := range c.Routes {
		r := &c.Routes[i]
		all = given(all, matchKnobs, &r.Match, r.places, matchPrefix)
		all = given(all, knobs, r.Config, r.places, "")
	}
	for i := range c.Sites {
		all = given(all, siteKnobs, &c.Sites[i], c.Sites[i].places, "")
	}
	return all
}

func given(all []Setting, known []knob, section any, places map[string]string, prefix string) []Setting {
	for i := range known {
		k := &known[i]
		place, ok := places[prefix+k.name]
		if !ok {
			continue
		}
		s := Setting{Place: place, Value: k.text(k.of(section))}
		if k.secret {
			s.Value = "(hidden)"
		}
		all = append(all, s)
	}
	return all
}
