//go:build linux

package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"

	"github.com/spf13/pflag"

	"weir/bench/echo"
	"weir/bench/epoll"
	"weir/bench/proc"
	"weir/bench/relay"
)

func serveEcho(ctx context.Context, args []string) error {
	flags := pflag.NewFlagSet("weirbench serve-echo", pflag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:9000", "address and port to listen on")
	h2c := flags.Bool("h2c", false, "speak HTTP/2 by prior knowledge and take WebSockets as RFC 8441 has them")
	maxStreams := flags.Uint32("max-streams", 100_000, "WebSockets on one HTTP/2 connection")
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
	scheme := "ws"
	serve := echo.Serve
	if *h2c {
		scheme = "h2c"
		serve = func(addr netip.AddrPort) (*epoll.Server, error) { return echo.ServeH2C(addr, *maxStreams) }
	}
	server, err := serve(addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "echo backend on %s://%s/, fan-out at %s\n", scheme, server.Addr, echo.FanoutPath)
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
