package config

import "reflect"

// A Setting is a knob that was given a value, and where.
type Setting struct {
	Place string // "--loops", "WEIR_LOOPS", "weir.yaml:3: loops" or "weir.yaml:9: routes[0]: idle-timeout"
	Value string // "(hidden)" for what may be a secret
	By    string // the place of the value that counts instead; "": this one does
}

// Given tells of the values in c that are not defaults, in the order of the
// knobs; of those that others override; then of those that routes and sites
// have of their own.
func (c *Config) Given() []Setting {
	all := append(given(nil, knobs, c, c.places, ""), c.overridden...)
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
		all = append(all, Setting{Place: place, Value: k.shown(k.of(section))})
	}
	return all
}

// shown is a value as it may be read by anybody.
func (k *knob) shown(v reflect.Value) string {
	text := k.text(v)
	if k.secret && text != k.none {
		return "(hidden)"
	}
	return text
}
