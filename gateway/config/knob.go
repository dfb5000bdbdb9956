package config

import (
	"reflect"
	"strings"

	"weir/gateway/routing"
)

const envPrefix = "WEIR_"

// A knob is a field of Config as its tags define it. Matches and sites are made of knobs, too.
type knob struct {
	name    string // "idle-timeout"
	group   string
	help    string
	arg     string // what --help calls the value; empty for switches
	sep     string // between the elements of a list
	none    string // the word for an empty list or text
	filled  bool   // an empty value is an error: it would restrict nothing
	secret  bool
	route   bool // a route may have a value of its own
	restart bool // another value counts after a restart alone
	limit   limit
	field   int // index in its struct
	typ     reflect.Type
}

var (
	knobs      = define(reflect.TypeFor[Config]())
	matchKnobs = define(reflect.TypeFor[routing.Match]())
	siteKnobs  = define(reflect.TypeFor[Site]())
)

func define(t reflect.Type) []knob {
	var all []knob
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() || f.Tag.Get("knob") == "-" {
			continue
		}
		k := knob{
			name:    f.Tag.Get("knob"),
			group:   f.Tag.Get("group"),
			help:    f.Tag.Get("help"),
			arg:     f.Tag.Get("arg"),
			sep:     f.Tag.Get("sep"),
			none:    f.Tag.Get("none"),
			filled:  f.Tag.Get("filled") == "true",
			secret:  f.Tag.Get("secret") == "true",
			route:   f.Tag.Get("route") == "true",
			restart: f.Tag.Get("restart") == "true",
			field:   i,
			typ:     f.Type,
		}
		if k.arg == "" {
			k.arg = argOf[f.Type.String()]
		}
		if k.sep == "" {
			k.sep = ","
		}
		k.limit = parseLimit(f.Type, f.Tag.Get("range"))
		all = append(all, k)
	}
	return all
}

// argOf names values whose knob gives no name of its own.
var argOf = map[string]string{
	"rate.Limit":           "LIMIT",
	"config.RateAction":    "ACTION",
	"config.AuthRefusal":   "WAY",
	"config.Messages":      "KIND",
	"config.Compression":   "WHO",
	"config.Extensions":    "WHAT",
	"config.SlowReader":    "ACTION",
	"int":                  "N",
	"float64":              "FACTOR",
	"time.Duration":        "DURATION",
	"slog.Level":           "LEVEL",
	"config.Size":          "SIZE",
	"config.Mode":          "MODE",
	"config.HashOn":        "KEY",
	"config.AccessLog":     "FORM",
	"config.TLSVersion":    "VERSION",
	"config.UnknownName":   "ANSWER",
	"config.ClientAuth":    "HOW",
	"config.RequireTLS":    "HOW",
	"config.SameSite":      "HOW",
	"config.HalfClose":     "HOW",
	"config.PathEncoded":   "HOW",
	"config.AuthPreflight": "HOW",
	"config.Health":        "KIND",
	"config.DNSFamily":     "FAMILY",
	"config.Balance":       "HOW",
	"config.OnBackendLoss": "HOW",
	"config.Rebalance":     "RATE",
}

func find(name string) *knob { return among(knobs, name) }

func among(known []knob, name string) *knob {
	for i := range known {
		if known[i].name == name {
			return &known[i]
		}
	}
	return nil
}

func (k *knob) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(k.name, "-", "_"))
}

func (k *knob) key() string { return k.name }

func (k *knob) flag() string { return "--" + k.name }

func (k *knob) isList() bool { return k.typ.Kind() == reflect.Slice }

func (k *knob) isSwitch() bool { return k.typ.Kind() == reflect.Bool }

// of is the knob's field in what section points to: a Config, a routing.Match or a Site.
func (k *knob) of(section any) reflect.Value { return reflect.ValueOf(section).Elem().Field(k.field) }
