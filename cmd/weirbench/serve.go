//go:build linux

package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"

	"github.com/spf13/pflag"

	"weir/bench/echo"
	"weir/bench/proc"
	"weir/bench/relay"
)

func serveEcho(ctx context.Context, args []string) error {
	flags := pflag.NewFlagSet("weirbench serve-echo", pflag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:9000", "address and port to listen on")
	if err := parse(flags, args); err != nil {
		return err
	}
	addr, err := netip.ParseAddrPort(*listen)
	if err != nil {
		return fmt.Errorf("%w: --listen: %w", errUsage, err)
	}
	if _, err := proc.RaiseFileLimit(); err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	server, err := echo.Serve(addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "echo backend on ws://%s/\n", server.Addr)
	return server.Run(ctx)
}

func serveRelay(ctx context.Context, args []string) error {
	flags := pflag.NewFlagSet("weirbench serve-relay", pflag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:9001", "address and port to listen on")
	to := flags.String("to", "127.0.0.1:9000", "address and port of the backend")
	if err := parse(flags, args); err != nil {
		return err
	}
	addr, err := netip.ParseAddrPort(*listen)
	if err != nil {
		return fmt.Errorf("%w: --listen: %w", errUsage, err)
	}
	backend, err := netip.ParseAddrPort(*to)
	if err != nil {
		return fmt.Errorf("%w: --to: %w", errUsage, err)
	}
	if _, err := proc.RaiseFileLimit(); err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	server, err := relay.Serve(addr, backend)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "relay from %s to %s\n", server.Addr, backend)
	return server.Run(ctx)
}
