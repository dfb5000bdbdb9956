package main

import (
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"weir/gateway/config"
	"weir/gateway/logqueue"
	"weir/internal/handover"
	"weir/internal/sdnotify"
)

// serve runs a gateway until it has drained.
func serve(args []string, p program) int {
	cfg, exit := p.loaded(config.Load(args, handover.Environ(p.environ)))
	if cfg == nil {
		return exit
	}
	// Signals are caught before anything listens, so that none ends a start half done.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(signals)
	reloads := make(chan os.Signal, 1) // of its own, so that many of these never crowd out the others
	signal.Notify(reloads, syscall.SIGHUP)
	defer signal.Stop(reloads)
	upgrades := make(chan os.Signal, 1)
	signal.Notify(upgrades, syscall.SIGUSR2)
	defer signal.Stop(upgrades)
	signal.Ignore(syscall.SIGPIPE) // whoever reads the log may die, and the sessions go on

	var echo *demo
	if cfg.Demo {
		var err error
		if echo, err = startDemo(); err != nil {
			return p.failed(err)
		}
		defer echo.close()
	}
	adapt := func(cfg *config.Config) *config.Config {
		if echo != nil {
			cfg = echo.behind(cfg)
		}
		return loopsFor(cfg)
	}
	cfg = adapt(cfg)
	makeRoom(cfg.Loops)
	level := new(slog.LevelVar)
	level.Set(cfg.LogLevel)
	lines := logqueue.New(logHandler(cfg, level, p.stderr), logqueue.Room)
	log := slog.New(lines)
	slog.SetLogLoggerLevel(slog.LevelWarn)
	slog.SetDefault(log) // what libraries say in package log's way becomes a line like the others
	for _, text := range cfg.Warnings() {
		log.Warn("suspicious configuration", "what", text)
	}
	u := &upgrader{args: args, environ: p.environ, log: log, level: level, adapt: adapt, systemd: sdnotify.From(p.environ)}
	g, err := u.start(cfg)
	if err == nil {
		if echo != nil {
			go printHints(p, len(cfg.Listen) == 0, g.Addrs()[0], g.AdminAddr()) // whoever reads them may take his time
		}
		stop := make(chan struct{})
		defer close(stop)
		go onSignals(upgrades, stop, u.replace)
		go onSignals(reloads, stop, u.readAgain)
		u.tell(u.systemd.Ready())
		exit, err = await(g, signals, log)
	}
	lines.Close(lastWords)
	if err != nil {
		return p.failed(err)
	}
	return exit
}

// makeRoom gives Go's scheduler one processor more than there are loops, unless the user has set how many: a
// loop that waits briefly keeps its own, and what is no loop (logs, checks, the admin listener, garbage
// collection) must not wait for it. More than the machine has, and one, would only make the collector wait longer
// for all of them to stop.
func makeRoom(loops int) {
	if os.Getenv("GOMAXPROCS") == "" {
		n := runtime.GOMAXPROCS(0)
		runtime.GOMAXPROCS(max(n, min(loops, n)+1))
	}
}

// cores are those of the machine, or as many as a container's CPU quota allows.
var cores = runtime.GOMAXPROCS(0)

// loopsFor says how many loops there are where the configuration leaves it open.
func loopsFor(cfg *config.Config) *config.Config {
	return cfg.With(func(c *config.Config) {
		if c.Loops == 0 {
			c.Loops = cores
		}
	})
}

// A service is what await needs of a gateway.
type service interface {
	Drain()
	Wait() error
}

// await drains s at the first signal and gives up at the second.
func await(s service, signals <-chan os.Signal, log *slog.Logger) (exit int, err error) {
	stopped := make(chan error, 1)
	go func() { stopped <- s.Wait() }()
	for draining := false; ; {
		select {
		case err := <-stopped:
			return exitOK, err
		case sig := <-signals:
			if draining {
				log.Warn("second signal: stopping at once, sessions are cut", "signal", sig.String())
				return exitError, nil
			}
			log.Info("draining; a second signal stops at once", "signal", sig.String())
			s.Drain()
			draining = true
		}
	}
}

// onSignals does what each signal asks for, until stop is closed.
func onSignals(signals <-chan os.Signal, stop <-chan struct{}, do func()) {
	for {
		select {
		case <-stop:
			return
		case <-signals:
			do()
		}
	}
}

// logHandler writes JSON where the access log is JSON, so that all lines parse alike.
func logHandler(cfg *config.Config, level slog.Leveler, w io.Writer) slog.Handler {
	options := &slog.HandlerOptions{Level: level}
	if cfg.AccessLog == config.AccessJSON {
		return slog.NewJSONHandler(w, options)
	}
	return slog.NewTextHandler(w, options)
}
