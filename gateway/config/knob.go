package config

import (
	"reflect"
	"strings"
)

const envPrefix = "WEIR_"

// A knob is a field of Config as its tags define it.
type knob struct {
	name   string // "idle-timeout"
	group  string
	help   string
	arg    string // what --help calls the value; empty for switches
	sep    string // between the elements of a list
	secret bool
	limit  limit
	field  int // index in Config
	typ    reflect.Type
}

var knobs = define(reflect.TypeFor[Config]())

func define(t reflect.Type) []knob {
	var all []knob
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		k := knob{
			name:   f.Tag.Get("knob"),
			group:  f.Tag.Get("group"),
			help:   f.Tag.Get("help"),
			arg:    f.Tag.Get("arg"),
			sep:    f.Tag.Get("sep"),
			secret: f.Tag.Get("secret") == "true",
			field:  i,
			typ:    f.Type,
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
	"int":              "N",
	"float64":          "FACTOR",
	"time.Duration":    "DURATION",
	"slog.Level":       "LEVEL",
	"config.Size":      "SIZE",
	"config.HashOn":    "KEY",
	"config.AccessLog": "FORM",
}

func find(name string) *knob {
	for i := range knobs {
		if knobs[i].name == name {
			return &knobs[i]
		}
	}
	return nil
}

func (k *knob) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(k.name, "-", "_"))
}

func (k *knob) flag() string { return "--" + k.name }

func (k *knob) isList() bool { return k.typ.Kind() == reflect.Slice }

func (k *knob) isSwitch() bool { return k.typ.Kind() == reflect.Bool }

// of is the knob's field in c.
func (k *knob) of(c *Config) reflect.Value { return reflect.ValueOf(c).Elem().Field(k.field) }
