package config

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"weir/internal/watch"
)

// A KnobError is what is wrong with a knob's value, found only when it was put to use.
type KnobError struct {
	Knob string
	Err  error
}

func (e *KnobError) Error() string { return e.Knob + ": " + e.Err.Error() }

// Unwrap gives the error without the knob's name.
func (e *KnobError) Unwrap() error { return e.Err }

// Problems are the errors that err joins.
func Problems(err error) []error {
	switch e := err.(type) {
	case nil:
		return nil
	case interface{ Unwrap() []error }:
		var all []error
		for _, err := range e.Unwrap() {
			all = append(all, Problems(err)...)
		}
		return all
	}
	return []error{err}
}

// Blame says of each problem that err joins where the value was given that it is about, in the way of Load's errors: of a
// KnobError that of its knob, of a watch.Error that of the knob which names the file.
func (c *Config) Blame(err error) error { return c.blame(err, "", false) }

// BlameFiles is Blame for problems with files that either the configuration or a route may have named.
func (c *Config) BlameFiles(err error) error {
	var all []error
	for _, err := range Problems(err) {
		all = append(all, c.blameFile(err))
	}
	return errors.Join(all...)
}

func (c *Config) blameFile(err error) error {
	e, ok := err.(*watch.Error)
	if !ok || c.placeOfFile(e.File, "", false) != "" {
		return c.Blame(err)
	}
	for i := range c.Routes {
		if r := &c.Routes[i]; r.Config.placeOfFile(e.File, "", true) != "" {
			return r.Blame(err)
		}
	}
	return err
}

// Blame is the same for a problem with the route.
func (r *Route) Blame(err error) error {
	return r.Config.blame(err, cmp.Or(r.where, "route "+r.Name)+": ", true)
}

func (c *Config) blame(err error, where string, inRoute bool) error {
	var all []error
	for _, err := range Problems(err) {
		place := ""
		switch e := err.(type) {
		case *KnobError:
			place, err = cmp.Or(c.places[e.Knob], where+e.Knob)+": ", e.Err
		case *watch.Error:
			if place = c.placeOfFile(e.File, where, inRoute); place == "" {
				break
			}
			if err = e.Err; !strings.Contains(err.Error(), e.File) {
				place += e.File + ": "
			}
		}
		all = append(all, fmt.Errorf("%s%w", cmp.Or(place, where), err))
	}
	return errors.Join(all...)
}

// Place is where a knob's value was given, and the knob: "weir.yaml:3: upstream"; the knob alone if nobody gave it.
func (c *Config) Place(knob string) string { return cmp.Or(c.places[knob], knob) }

// Place is the same for the route, whose name stands for the place where nobody gave the value.
func (r *Route) Place(knob string) string {
	return cmp.Or(r.Config.places[knob], "route "+r.Name+": "+knob)
}

// placeOfFile is where a file, or a folder, was named; "" if it was not.
func (c *Config) placeOfFile(file, where string, inRoute bool) string {
	for i := range knobs {
		if k := &knobs[i]; k.route == inRoute && k.names(k.of(c), file) {
			return cmp.Or(c.places[k.name], where+k.name) + ": "
		}
	}
	for i := range c.Sites {
		if s := &c.Sites[i]; !inRoute && s.ClientCA == file {
			return cmp.Or(s.places["client-ca"], s.at(i)+": client-ca") + ": "
		}
	}
	return ""
}

// names tells whether a knob's value is this file, or has it in its list.
func (k *knob) names(v reflect.Value, file string) bool {
	if k.arg != "FILE" && k.arg != "DIR" {
		return false
	}
	if list, ok := v.Interface().([]string); ok {
		return slices.Contains(list, file)
	}
	return v.String() == file
}
