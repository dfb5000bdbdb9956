package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// A UsageError is a command line that makes no sense: an unknown flag, a flag
// without its value, an argument that belongs to nothing.
type UsageError struct{ Text string }

func (e *UsageError) Error() string { return e.Text }

// flagTexts keeps what a flag was given; it is parsed with the other sources,
// so that all mistakes are told of at once and in the same words.
type flagTexts struct {
	arg   string
	texts []string
}

func (f *flagTexts) Set(text string) error {
	f.texts = append(f.texts, text)
	return nil
}

func (f *flagTexts) String() string {
	if len(f.texts) == 0 {
		return ""
	}
	return f.texts[len(f.texts)-1]
}

func (f *flagTexts) Type() string { return f.arg }

// Flags are one flag for each knob, yet to be parsed.
func Flags() *pflag.FlagSet {
	flags := pflag.NewFlagSet("weir", pflag.ContinueOnError)
	flags.Usage = func() {}
	for i := range knobs {
		k := &knobs[i]
		f := flags.VarPF(&flagTexts{arg: k.arg}, k.name, "", k.help)
		if k.isSwitch() {
			f.NoOptDefVal = "true"
		}
	}
	return flags
}

func parseFlags(flags *pflag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return usageError(err)
	}
	return nil
}

func usageError(err error) error {
	var unknown *pflag.NotExistError
	var bare *pflag.ValueRequiredError
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return err
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		name := "--" + unknown.GetSpecifiedName()
		return &UsageError{"unknown flag " + name + suggest(name, spelled(knobs, (*knob).flag))}
	case errors.As(err, &bare):
		value, _ := pflag.UnquoteUsage(bare.GetFlag())
		return &UsageError{fmt.Sprintf("--%s lacks its value; write --%[1]s %s", bare.GetFlag().Name, value)}
	}
	return &UsageError{err.Error()}
}

// Unexpected is the error for an argument that belongs to nothing.
func Unexpected(arg string) error {
	text := fmt.Sprintf("unexpected argument %q", arg)
	switch strings.ToLower(arg) {
	case "true", "false", "yes", "no", "on", "off":
		text += "; a switch takes its value after =, as in --panic=false"
	}
	return &UsageError{text}
}
