package config

// A Setting is a knob that was given a value, and where.
type Setting struct {
	Place string // "--loops", "WEIR_LOOPS" or "weir.yaml:3: loops"
	Value string // "(hidden)" for what may be a secret
}

// Given tells of the values in c that are not defaults, in the order of the knobs.
func (c *Config) Given() []Setting {
	var all []Setting
	for i := range knobs {
		k := &knobs[i]
		place, ok := c.places[k.name]
		if !ok {
			continue
		}
		s := Setting{Place: place, Value: k.text(k.of(c))}
		if k.secret {
			s.Value = "(hidden)"
		}
		all = append(all, s)
	}
	return all
}
