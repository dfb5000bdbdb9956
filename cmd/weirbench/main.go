//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"

	"weir/bench"
)

const usage = `weirbench measures WebSocket gateways by what a round trip costs them.

Against anything that answers a WebSocket upgrade and echoes:
  weirbench echo   messages sent and echoed, closed or open loop
  weirbench idle   connections held idle: memory and CPU
  weirbench storm  connect, upgrade, reset, again and again
  weirbench slow   echo, then the same beside clients that read nothing, or little
  weirbench hellos echo, then beside busy goroutines, then beside clients that replay a TLS ClientHello
  weirbench http   plain HTTP requests over kept connections (serve-echo answers them at /request)
  weirbench churn  connect, talk, leave, again and again: does memory come back?
  weirbench drain  talk, and come back when gateways end or restart: the reconnect curve

Against anything that sends what one client says to all others:
  weirbench fanout  deliveries, and the time until the last client has a message

Beside each other, started and stopped by weirbench (nginx, HAProxy, a bare TCP relay, weir; Caddy,
Traefik and Envoy where they are installed; HAProxy and weir also with their clients pooled over
RFC 8441; in the tls-... scenarios, those that have TLS, with one certificate made for the run):
  weirbench compare

One weir with very many sockets, started and stopped by weirbench:
  weirbench million  a million of them: memory, pauses, pings, some that talk, drain
  weirbench growth   how cost grows, from a thousand connections to a million

The parts by themselves:
  weirbench serve-echo   the echo backend, over HTTP/1.1 or, with --h2c, over HTTP/2 (RFC 8441);
                         at /fanout it sends what one client says to all others there
  weirbench serve-relay  the bare TCP relay

A gateway of your own, on port 8080 before the echo backend:
  weirbench serve-echo --listen 127.0.0.1:9000
  weirbench echo --url ws://127.0.0.1:8080/ --conns 1000 --size 125 --pids $(pgrep -d, -x nginx)

More examples, with weir in its place:
  weirbench echo --url ws://127.0.0.1:8080/ --conns 100 --rate 10 --seconds 30 --json
  weirbench echo --url ws://127.0.0.1:8080/ --conns 8000 --active 100 --rate 10 --pids $(pidof weir)
  weirbench idle --url ws://127.0.0.1:8080/ --conns 8000 --pings 30 --pids $(pidof weir)
  weirbench idle --url ws://127.0.0.1:8080/ --conns 100000 --processes 6
  weirbench storm --url ws://127.0.0.1:8080/ --conns 64 --pids $(pidof weir)
  weirbench storm --url wss://localhost:8443/ --insecure --resume --pids $(pidof weir)
  weirbench slow --url ws://127.0.0.1:8080/ --slow 10 --slow-read 1000 --pids $(pidof weir)
  weirbench hellos --url wss://localhost:8443/ --insecure --hellos 1000 --pids $(pidof weir)
  weirbench http --url http://127.0.0.1:8080/request --conns 100 --pids $(pidof weir)
  weirbench churn --url ws://127.0.0.1:8080/ --seconds 120 --pids $(pidof weir)
  weirbench drain --url ws://127.0.0.1:8080/ --url ws://127.0.0.1:8081/ --seconds 60
  weirbench fanout --url ws://127.0.0.1:8080/fanout --conns 1001 --pids $(pidof weir)
  weirbench compare --scenario echo125,idle --rounds 3 --seconds 5
  weirbench compare --scenario echo125,idle16k --peers nginx,haproxy-pool,weir,weir-pool
  weirbench compare --write BENCHMARKS.md
  weirbench million --conns 100000
  weirbench growth --conns 1000,10000 --loops 1,2
  weirbench serve-echo --h2c --listen 127.0.0.1:9000
  weirbench serve-relay --listen 127.0.0.1:9001 --to 127.0.0.1:9000

--pids names the processes whose CPU and memory are accounted; without it there are only the clients'
figures. A target beyond loopback needs --i-own-this-target.

weirbench COMMAND --help tells the flags. Results go to stdout, all else to stderr. The exit status is
0 only if everything that was asked for was measured without a fault.
`

var commands = map[string]func(context.Context, []string) error{
	"echo":    measureCommand("echo"),
	"idle":    measureCommand("idle"),
	"storm":   measureCommand("storm"),
	"slow":    measureCommand("slow"),
	"hellos":  measureCommand("hellos"),
	"fanout":  measureCommand("fanout"),
	"http":    measureCommand("http"),
	"churn":   measureCommand("churn"),
	"drain":   measureCommand("drain"),
	"compare": compare,
	"million": million,
	"growth":  growth,
	"swarm":   swarmWorker, // hidden: a load process of the others
	"replay": func(ctx context.Context, args []string) error { // hidden: likewise, of hellos
		return bench.Replay(ctx, args, os.Stdin, os.Stdout)
	},
	"serve-echo":  serveEcho,
	"serve-relay": serveRelay,
}

// errUsage is followed by a pointer to --help.
var errUsage = errors.New("usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

func run(ctx context.Context, args []string) (status int) {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return 2
	}
	if args[0] == "--help" || args[0] == "-h" || args[0] == "help" {
		fmt.Print(usage)
		return 0
	}
	command, ok := commands[args[0]]
	if !ok {
		fmt.Fprintf(os.Stderr, "weirbench: no command %q; weirbench --help lists them\n", args[0])
		return 2
	}
	switch err := command(ctx, args[1:]); {
	case err == nil, errors.Is(err, pflag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintf(os.Stderr, "weirbench %s: %v; see weirbench %s --help\n", args[0], err, args[0])
		return 2
	case ctx.Err() != nil:
		fmt.Fprintf(os.Stderr, "weirbench %s: interrupted\n", args[0])
		return 130
	default:
		fmt.Fprintf(os.Stderr, "weirbench %s: %v\n", args[0], err)
		return 1
	}
}

// parse reads a command's flags, which are all it takes.
func parse(flags *pflag.FlagSet, args []string) error {
	flags.SortFlags = false
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err != nil && !errors.Is(err, pflag.ErrHelp) {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	return err
}
