package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"weir/gateway"
	"weir/gateway/config"
)

const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

func main() {
	os.Exit(run(os.Args[1:], program{os.Args[0], os.Environ(), os.Stdout, os.Stderr}))
}

// A program is what a command may use of the process.
type program struct {
	name           string // as it was called
	environ        []string
	stdout, stderr io.Writer
}

func run(args []string, p program) int {
	command := ""
	if len(args) > 0 && (!strings.HasPrefix(args[0], "-") || args[0] == "--version") {
		command, args = args[0], args[1:]
	}
	switch command {
	case "":
		return serve(args, p)
	case "check":
		return check(args, p)
	case "try":
		return try(args, p)
	case "healthcheck":
		return healthcheck(args, p)
	case "endpoints":
		return endpoints(args, p)
	case "upgrade":
		return upgrade(args, p)
	case "version", "--version":
		fmt.Fprintln(p.stdout, version())
		return exitOK
	case "help":
		fmt.Fprint(p.stdout, config.Usage())
		return exitOK
	}
	return p.misused(fmt.Errorf("unknown command %q; there are check, try, healthcheck, endpoints, upgrade, version and help", command))
}

// loaded is cfg, or nil where there is none to go on with and it has said why.
func (p program) loaded(cfg *config.Config, err error) (*config.Config, int) {
	var usage *config.UsageError
	switch {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprint(p.stdout, config.Usage())
		return nil, exitOK
	case errors.As(err, &usage):
		return nil, p.misused(err)
	case err != nil:
		return nil, p.failed(err)
	}
	return cfg, exitOK
}

func (p program) failed(err error) int {
	p.tell(err, "")
	return exitError
}

func (p program) misused(err error) int {
	p.tell(err, "weir: see weir --help\n")
	return exitUsage
}

// lastWords is how long the end of the process waits for whoever reads standard error.
const lastWords = 2 * time.Second

// tell writes err, a line for each of its own. If nobody takes it, the process ends all the same.
func (p program) tell(err error, more string) {
	var text strings.Builder
	for line := range strings.Lines(err.Error() + "\n") {
		text.WriteString("weir: " + line)
	}
	text.WriteString(more)
	told := make(chan struct{})
	go func() {
		defer close(told)
		_, _ = io.WriteString(p.stderr, text.String())
	}()
	select {
	case <-told:
	case <-time.After(lastWords):
	}
}

func version() string {
	text := fmt.Sprintf("weir %s, %s %s/%s", gateway.Release, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				text += ", " + s.Value
			}
		}
	}
	return text
}
