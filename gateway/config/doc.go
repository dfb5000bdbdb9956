// Package config turns flags, environment variables and a YAML file into one
// checked Config.
//
// Config's fields, with their tags, are the only definition of the knobs (see
// knob.go). The way of a value:
//
//	idle-timeout: 30s       \
//	WEIR_IDLE_TIMEOUT=30s    >  text and its place  ->  parse  ->  field  ->  Validate
//	--idle-timeout 30s      /
//
// Every source yields text, so that a value means the same wherever it stands
// and its errors read the same. The sources are read in the order of the
// picture: a later one replaces what is in the field, a list too. A bad value is
// told of with its place even where a later source overrides it.
//
// Routes and sites stand in the file alone, each a section of the same knobs
// (sections.go, routes.go). A Route holds a Config of its own: the top level's
// with what was given in the route put over it, so that whoever serves a route
// looks nowhere else.
//
// The same definitions make Usage and, by go generate, docs/reference/knobs.md.
package config

//go:generate go run ./internal/reference ../../docs/reference
