package config

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

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

// AdminAddr is where a gateway that was started with these is asked after its health. What else they say, right or wrong,
// does not count.
func AdminAddr(args, environ []string) (string, error) {
	flags := Flags()
	if err := parseFlags(flags, args); err != nil {
		return "", err
	}
	if flags.NArg() > 0 {
		return "", Unexpected(flags.Arg(0))
	}
	l := newLoader()
	l.read(flags, environ)
	return l.merged.Admin, nil
}

func load(flags *pflag.FlagSet, environ []string) (*Config, error) {
	l := newLoader()
	l.read(flags, environ)
	c := l.config()
	if len(l.problems) > 0 {
		return nil, errors.Join(l.problems...)
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c, nil
}

// read takes all sources, those that count less first.
func (l *loader) read(flags *pflag.FlagSet, environ []string) {
	if path, place := configPath(flags, environ); path != "" {
		l.file(path, place)
	}
	for _, e := range environ {
		if name, text, ok := strings.Cut(e, "="); ok && strings.HasPrefix(name, envPrefix) {
			l.variable(name, text)
		}
	}
	flags.Visit(func(f *pflag.Flag) {
		if k := find(f.Name); k != nil {
			l.take(k, k.flag(), f.Value.(*flagTexts).texts...)
		}
	})
}

// A loader puts the sources into one Config, in order of rising precedence, and remembers, for each knob, the place of
// the value that won.
type loader struct {
	merged     *Config
	places     map[string]string
	overridden []Setting // that lost
	routes     []Route   // as the file has them, each with its own values alone
	sites      []Site
	problems   []error
}

func newLoader() *loader { return &loader{merged: Default(), places: map[string]string{}} }

// take sets a knob's field; a bad value is one more problem.
func (l *loader) take(k *knob, place string, texts ...string) {
	value, err := k.parse(texts...)
	if err != nil {
		l.wrong(place, "%w", err)
		return
	}
	field := k.of(l.merged)
	if other, twice := l.places[k.name]; twice {
		l.overridden = append(l.overridden, Setting{Place: other, Value: k.shown(field), By: place})
	}
	l.places[k.name] = place
	field.Set(reflect.ValueOf(value))
}

func (l *loader) wrong(place, format string, args ...any) {
	l.problems = append(l.problems, fmt.Errorf("%s: %w", place, fmt.Errorf(format, args...)))
}

// variable takes a variable of the environment. An empty one counts as not set, as container files make them so, but
// where it would have restricted something.
func (l *loader) variable(name, text string) {
	for i := range knobs {
		if k := &knobs[i]; k.env() == name {
			if text != "" || k.filled {
				l.take(k, name, text)
			}
			return
		}
	}
	switch meant := suggest(name, spelled(knobs, (*knob).env)); {
	case serviceVariable.MatchString(name):
	case meant != "":
		l.wrong(name, "no such variable%s", meant)
	default: // another program's, perhaps, or of a script around this one
		l.merged.warn(name, "no such variable, it is left alone")
	}
}

// serviceVariable matches what Kubernetes puts into every container of a
// namespace that has a service called weir or weir-something.
var serviceVariable = regexp.MustCompile(`^WEIR_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)$`)

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

// config is what was taken, and the sections that build on it.
func (l *loader) config() *Config {
	c := l.merged
	c.places, c.overridden, c.Routes, c.Sites = l.places, l.overridden, l.routes, l.sites
	c.arrange()
	return c
}
