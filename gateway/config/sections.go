package config

import (
	"fmt"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Lists of sections below the top level of the file.
const (
	routesKey = "routes"
	sitesKey  = "sites"

	matchPrefix = "match: " // before a match's keys in places and errors
)

// A section is a mapping of knobs somewhere in the file.
type section struct {
	document
	path   string            // what stands before a key in errors: "", "routes[0]: " or "routes[0]: match: "
	prefix string            // what stands before a key in places
	places map[string]string // of what was given
}

// each calls take for every key of the mapping n, once.
func (s section) each(n *yaml.Node, take func(place string, key, value *yaml.Node)) {
	lines := map[string]int{}
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		place := s.line(key.Line) + ": " + s.path + key.Value
		if first, twice := lines[key.Value]; twice {
			s.wrong(place, "given twice, first on line %d", first)
			continue
		}
		lines[key.Value] = key.Line
		take(place, key, value)
	}
}

// set puts a value into the field of into that k stands for.
func (s section) set(k *knob, into any, place string, value *yaml.Node) {
	texts, err := nodeTexts(value, k.isList())
	if err == nil {
		var v any
		if v, err = k.parse(texts...); err == nil {
			k.of(into).Set(reflect.ValueOf(v))
			s.places[s.prefix+k.name] = place
		}
	}
	if err != nil {
		s.wrong(place, "%w", err)
	}
}

// list calls take for every element of a list of mappings.
func (d document) list(name, place string, n *yaml.Node, take func(s section, where string, n *yaml.Node)) {
	if n = resolve(n); n.Kind != yaml.SequenceNode {
		d.wrong(place, "takes a list; begin each of its elements with '- '")
		return
	}
	for i, element := range n.Content {
		key := fmt.Sprintf("%s[%d]", name, i)
		where := d.line(element.Line) + ": " + key
		if element = resolve(element); element.Kind != yaml.MappingNode {
			d.wrong(where, `not a list of "key: value" lines`)
			continue
		}
		take(section{d, key + ": ", "", map[string]string{}}, where, element)
	}
}

func (d document) readRoutes(place string, n *yaml.Node) {
	d.list(routesKey, place, n, func(s section, where string, n *yaml.Node) {
		r := Route{Name: fmt.Sprintf("route-%d", len(d.loader.routes)+1), Config: &Config{}, where: where, places: s.places}
		s.each(n, func(place string, key, value *yaml.Node) { s.route(&r, place, key.Value, value) })
		d.loader.routes = append(d.loader.routes, r)
	})
}

func (s section) route(r *Route, place, key string, value *yaml.Node) {
	switch k := find(key); {
	case key == "name":
		texts, err := nodeTexts(value, false)
		if err != nil {
			s.wrong(place, "%w", err)
			return
		}
		r.Name, s.places[key] = texts[0], place
	case key == "match":
		s.match(r, place, value)
	case k == nil:
		s.wrong(place, "no such knob%s", suggest(key, append(spelled(routeKnobs(), (*knob).key), "name", "match")))
	case !k.route:
		s.wrong(place, "is for the whole gateway; it stands at the top level")
	default:
		s.set(k, r.Config, place, value)
	}
}

func (s section) match(r *Route, place string, n *yaml.Node) {
	if n = resolve(n); n.Kind != yaml.MappingNode {
		s.wrong(place, "takes keys below it: host, path, path-prefix, path-regexp, method, header or query")
		return
	}
	s.path, s.prefix = s.path+matchPrefix, matchPrefix
	s.each(n, func(place string, key, value *yaml.Node) {
		if k := among(matchKnobs, key.Value); k != nil {
			s.set(k, &r.Match, place, value)
			return
		}
		s.wrong(place, "no such condition%s", suggest(key.Value, spelled(matchKnobs, (*knob).key)))
	})
}

func (d document) readSites(place string, n *yaml.Node) {
	d.list(sitesKey, place, n, func(s section, where string, n *yaml.Node) {
		site := Site{where: where, places: s.places}
		s.each(n, func(place string, key, value *yaml.Node) {
			if k := among(siteKnobs, key.Value); k != nil {
				s.set(k, &site, place, value)
				return
			}
			s.wrong(place, "no such key%s", suggest(key.Value, spelled(siteKnobs, (*knob).key)))
		})
		d.loader.sites = append(d.loader.sites, site)
	})
}

func routeKnobs() []knob {
	return slices.DeleteFunc(slices.Clone(knobs), func(k knob) bool { return !k.route })
}
