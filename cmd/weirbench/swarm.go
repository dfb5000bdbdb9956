//go:build linux

package main

import (
	"context"
	"os"

	"github.com/spf13/pflag"

	"weir/bench/swarm"
)

// swarmWorker is a load process of a command that needs several; its parent speaks to it over stdin and stdout.
func swarmWorker(ctx context.Context, args []string) error {
	if err := parse(pflag.NewFlagSet("weirbench swarm", pflag.ContinueOnError), args); err != nil {
		return err
	}
	return swarm.Serve(ctx, os.Stdin, os.Stdout)
}
