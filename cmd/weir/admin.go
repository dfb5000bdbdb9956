package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"weir/gateway/config"
)

// A recipient is the admin listener of a running weir.
type recipient struct {
	addr, token string
	args        []string // of the command, besides flags
}

// admin reads the flags of a command for a running weir; the command takes at most most arguments. Without a recipient it has
// said why.
func (p program) admin(command, usage string, args []string, most int) (to *recipient, exit int) {
	flags := pflag.NewFlagSet(command, pflag.ContinueOnError)
	flags.Usage = func() {}
	addr := flags.String("admin", config.Default().Admin, "`ADDR` of the running weir's admin listener, as host:port or unix:/path")
	token := flags.String("admin-token", "", "its `TOKEN`, if it has one; WEIR_ADMIN_TOKEN is better, as others see command lines")
	switch err := flags.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprint(p.stdout, usage, flags.FlagUsages())
		return nil, exitOK
	case err != nil:
		return nil, p.misused(err)
	case flags.NArg() > most:
		return nil, p.misused(config.Unexpected(flags.Arg(most)))
	}
	for _, v := range p.environ {
		if text, ok := strings.CutPrefix(v, "WEIR_ADMIN_TOKEN="); ok && *token == "" {
			*token = text
		}
	}
	return &recipient{*addr, *token, flags.Args()}, exitOK
}

// askAdmin makes one request to the admin listener of a running weir, and gives the body of its answer.
func askAdmin(addr, token, method, path string, timeout time.Duration) ([]byte, error) {
	network := "tcp"
	if at, unix := strings.CutPrefix(addr, "unix:"); unix {
		network, addr = "unix", at
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	transport := &http.Transport{DialContext: dial, DisableKeepAlives: true}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, nil)
	if err != nil {
		return nil, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("nobody answers at the admin address %s: %w", addr, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, answerLimit))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("refused with %s: %s", answer.Status, strings.TrimSpace(string(body)))
	}
	return body, err
}
