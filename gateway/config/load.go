package config

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// Load reads the configuration from the command line (without the program's
// name), from an environment as os.Environ gives it, and from the YAML file one
// of them names. The Config it returns is valid.
//
// The error is pflag.ErrHelp where help was asked for, a *UsageError where the
// command line makes no sense, and otherwise joins all that is wrong, each with
// its place: "weir.yaml:3: idle-timeout: ...", "WEIR_LOOPS: ..." or "--loops: ...".
func Load(args, environ []string) (*Config, error) {
	flags := Flags()
	if err := parseFlags(flags, args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, Unexpected(flags.Arg(0))
	}
	return load(flags, environ)
}

// LoadFlags is Load for a command that has flags of its own beside those of
// Flags, and takes arguments, which are left in flags.
func LoadFlags(flags *pflag.FlagSet, args, environ []string) (*Config, error) {
	if err := parseFlags(flags, args); err != nil {
		return nil, err
	}
	return load(flags, environ)
}

func load(flags *pflag.FlagSet, environ []string) (*Config, error) {
	l := loader{merged: koanf.New("."), places: map[string]string{}}
	l.load(confmap.Provider(defaults(), ""), nil)
	if path, place := configPath(flags, environ); path != "" {
		if err := l.merged.Load(file.Provider(path), document{&l, path}); err != nil {
			l.problems = append(l.problems, fmt.Errorf("%s: %w", place, err))
		}
	}
	l.load(env.Provider("", env.Opt{
		Prefix:        envPrefix,
		EnvironFunc:   func() []string { return assignments(environ) },
		TransformFunc: l.fromVariable,
	}), nil)
	l.load(posflag.ProviderWithFlag(flags, "", nil, l.fromFlag), nil)

	c := l.config()
	if len(l.problems) > 0 {
		return nil, errors.Join(l.problems...)
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c, nil
}

// A loader merges the sources in order of rising precedence and remembers, for
// each knob, the place of the value that won.
type loader struct {
	merged     *koanf.Koanf
	places     map[string]string
	overridden []Setting // that lost
	routes     []Route   // as the file has them, each with its own values alone
	sites      []Site
	problems   []error
}

func (l *loader) load(source koanf.Provider, parser koanf.Parser) {
	if err := l.merged.Load(source, parser); err != nil {
		l.problems = append(l.problems, err)
	}
}

// take gives name and value as koanf's providers want them; no name if the value is bad.
func (l *loader) take(k *knob, place string, texts ...string) (string, any) {
	value, err := k.parse(texts...)
	if err != nil {
		l.wrong(place, "%w", err)
		return "", nil
	}
	if other, twice := l.places[k.name]; twice {
		was := reflect.ValueOf(l.merged.Get(k.name))
		l.overridden = append(l.overridden, Setting{Place: other, Value: k.shown(was), By: place})
	}
	l.places[k.name] = place
	return k.name, value
}

func (l *loader) wrong(place, format string, args ...any) {
	l.problems = append(l.problems, fmt.Errorf("%s: %w", place, fmt.Errorf(format, args...)))
}

func (l *loader) fromFlag(f *pflag.Flag) (string, any) {
	k := find(f.Name)
	if k == nil || !f.Changed {
		return "", nil
	}
	return l.take(k, k.flag(), f.Value.(*flagTexts).texts...)
}

// An empty variable counts as not set, as container files make them so.
func (l *loader) fromVariable(name, text string) (string, any) {
	for i := range knobs {
		if k := &knobs[i]; k.env() == name {
			if text == "" {
				return "", nil
			}
			return l.take(k, name, text)
		}
	}
	if !serviceVariable.MatchString(name) {
		l.wrong(name, "no such variable%s", suggest(name, spelled(knobs, (*knob).env)))
	}
	return "", nil
}

// serviceVariable matches what Kubernetes puts into every container of a
// namespace that has a service called weir or weir-something.
var serviceVariable = regexp.MustCompile(`^WEIR_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)$`)

// assignments leaves out what is not NAME=VALUE, on which the provider would panic.
func assignments(environ []string) []string {
	var all []string
	for _, e := range environ {
		if strings.Contains(e, "=") {
			all = append(all, e)
		}
	}
	return all
}

// configPath is asked for before the sources are merged, as it names one of them.
func configPath(flags *pflag.FlagSet, environ []string) (path, place string) {
	k := find("config")
	for _, e := range environ {
		if value, ok := strings.CutPrefix(e, k.env()+"="); ok {
			path, place = value, k.env()
		}
	}
	if f := flags.Lookup(k.name); f.Changed {
		path, place = f.Value.String(), k.flag()
	}
	return path, place
}

func defaults() map[string]any {
	c, all := Default(), map[string]any{}
	for i := range knobs {
		all[knobs[i].name] = knobs[i].of(c).Interface()
	}
	return all
}

// config is the merged values, each back in its field, and the sections that build on them.
func (l *loader) config() *Config {
	c := &Config{places: l.places, overridden: l.overridden}
	for i := range knobs {
		k := &knobs[i]
		k.of(c).Set(reflect.ValueOf(l.merged.Get(k.name)))
	}
	c.Routes, c.Sites = l.routes, l.sites
	c.arrange()
	return c
}
