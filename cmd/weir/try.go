package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

const tryTimeout = 10 * time.Second // for all of it

const tryUsage = `weir try URL sends a message to a WebSocket server and shows the answer and the times.

  weir try ws://127.0.0.1:8080/ --message 'hello' --header 'Authorization: Bearer x'

`

func try(args []string, p program) int {
	a, err := parseTry(args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		_, flags := tryFlags()
		fmt.Fprint(p.stdout, tryUsage, flags.FlagUsages())
		return exitOK
	case err != nil:
		return p.misused(err)
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), tryTimeout, fmt.Errorf("gave up after %v", tryTimeout))
	defer cancel()
	a.out = p.stdout
	if err := a.run(ctx); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return p.failed(fmt.Errorf("try %s: %w", withoutQuery(a.url), err))
	}
	return exitOK
}

type tryOptions struct {
	message  string
	headers  []string
	insecure bool
}

func tryFlags() (*tryOptions, *pflag.FlagSet) {
	o, flags := &tryOptions{}, pflag.NewFlagSet("try", pflag.ContinueOnError)
	flags.Usage = func() {}
	flags.SortFlags = false
	flags.StringVar(&o.message, "message", "hello from weir", "`TEXT` to send")
	flags.StringArrayVar(&o.headers, "header", nil, "`'NAME: VALUE'` to send in the handshake; can be given several times")
	flags.BoolVar(&o.insecure, "insecure", false, "with wss, take any certificate")
	return o, flags
}

func parseTry(args []string) (attempt, error) {
	o, flags := tryFlags()
	if err := flags.Parse(args); err != nil {
		return attempt{}, err
	}
	if flags.NArg() != 1 {
		return attempt{}, errors.New("try needs one URL, such as ws://127.0.0.1:8080/")
	}
	header, err := parseHeader(o.headers)
	if err != nil {
		return attempt{}, err
	}
	a := attempt{url: flags.Arg(0), message: o.message, insecure: o.insecure, header: header}
	u, err := url.Parse(a.url)
	if err != nil || u.Host == "" || u.Scheme != "ws" && u.Scheme != "wss" {
		return attempt{}, fmt.Errorf("%q is not a URL such as ws://HOST:PORT/ or wss://HOST/", withoutQuery(a.url))
	}
	return a, nil
}

// parseHeader reads what --header was given.
func parseHeader(lines []string) (http.Header, error) {
	header := http.Header{}
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("header %q is not NAME: VALUE", line)
		}
		header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return header, nil
}

// withoutQuery leaves out where tokens are.
func withoutQuery(s string) string {
	s, _, _ = strings.Cut(s, "?")
	return s
}
