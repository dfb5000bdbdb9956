package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"weir/gateway"
	"weir/gateway/config"
	"weir/internal/handover"
	"weir/internal/sdnotify"
)

const (
	readyTimeout   = time.Minute           // for a successor to serve
	readyLook      = 50 * time.Millisecond // how often a successor looks whether it is ready
	upgradeTimeout = readyTimeout + 30*time.Second
)

// upgrader replaces this process by a successor: the program as it is on disk by now, with the arguments and the environment
// that this one was started with.
type upgrader struct {
	args    []string
	environ []string
	log     *slog.Logger
	level   *slog.LevelVar
	adapt   func(*config.Config) *config.Config // what the process makes of any configuration
	systemd sdnotify.Socket
	gateway *gateway.Gateway

	elsewhere atomic.Bool // another process is the service's main one: a successor, or still the one before
	one       sync.Mutex  // upgrade at a time
}

// start begins to serve, in the place of the process before this one if there is one. That process is told of a failure.
func (u *upgrader) start(cfg *config.Config) (*gateway.Gateway, error) {
	in, err := handover.Inherit(u.environ)
	if err != nil {
		return nil, err
	}
	u.elsewhere.Store(in != nil && in.State.PID != 0)
	g, err := gateway.New(cfg, u.log, gateway.Inherit(in), gateway.OnUpgrade(u.upgrade), gateway.OnReload(u.reload, u.reloaded), gateway.OnDrain(u.draining))
	if err != nil {
		in.Failed(err)
		return nil, err
	}
	u.gateway = g
	if err := g.Start(); err != nil {
		in.Failed(err)
		return nil, err
	}
	if !u.elsewhere.Load() {
		return g, nil
	}
	if err := awaitReady(g); err != nil {
		in.Failed(err)
		g.Drain()
		return nil, errors.Join(err, g.Wait())
	}
	before, err := in.Ready()
	u.elsewhere.Store(false)
	if err != nil {
		u.log.Warn("the previous process did not confirm that it has stopped accepting", "pid", in.State.PID, "error", err)
	}
	return g, g.Succeed(before)
}

// reload reads the configuration again: the file anew, the flags and the environment of the start.
func (u *upgrader) reload() (*config.Config, error) {
	cfg, err := config.Load(u.args, handover.Environ(u.environ))
	if err != nil {
		return nil, err
	}
	return u.adapt(cfg), nil
}

// reloaded takes what the process itself has of a configuration that is in force.
func (u *upgrader) reloaded(cfg *config.Config) { u.level.Set(cfg.LogLevel) }

// awaitReady returns once new sessions are welcome.
func awaitReady(g *gateway.Gateway) (err error) {
	for end := time.Now().Add(readyTimeout / 2); time.Now().Before(end); time.Sleep(readyLook) {
		if err = g.Ready(); err == nil {
			return nil
		}
	}
	return fmt.Errorf("not ready: %w", err)
}

// upgrade returns when the successor serves and this process has left. After an error nothing has changed.
func (u *upgrader) upgrade() (pid int, err error) {
	u.one.Lock()
	defer u.one.Unlock()
	if os.Getpid() == 1 {
		return 0, errors.New("this process is number 1 of its container, which ends with it: replace the container instead")
	}
	path, err := os.Executable()
	if err != nil {
		return 0, err
	}
	state, listeners, admin, err := u.gateway.PassOn()
	if err != nil {
		return 0, err
	}
	defer func() {
		for _, f := range append(listeners, admin) {
			_ = f.Close() // of none too
		}
	}()
	next, err := handover.Start(handover.Program{Path: path, Args: u.args, Environ: u.environ}, state, listeners, admin)
	if err != nil {
		return 0, err
	}
	if pid, err = next.Wait(readyTimeout); err != nil {
		return 0, err
	}
	u.elsewhere.Store(true)
	u.tell(u.systemd.MainPID(pid))
	place := filepath.Join(cmp.Or(os.Getenv("RUNTIME_DIRECTORY"), os.TempDir()), fmt.Sprintf("weir-%d.sock", os.Getpid()))
	if err := u.gateway.Leave(place); err != nil {
		u.log.Warn("this process has lost its admin listener", "error", err)
		place = ""
	}
	if err := next.Go(handover.Predecessor{PID: os.Getpid(), Admin: place}); err != nil {
		u.log.Warn("could not tell the successor where this process answers", "pid", pid, "error", err)
	}
	u.log.Info("replaced", "successor", pid, "admin", place)
	return pid, nil
}

// replace is upgrade for a signal, whose sender hears of it in the log alone.
func (u *upgrader) replace() {
	if _, err := u.upgrade(); err != nil {
		u.log.Error("upgrade failed, this process goes on", "error", err)
	}
}

// readAgain has the configuration read again.
func (u *upgrader) readAgain() {
	u.tell(u.systemd.Reloading())
	_, _ = u.gateway.Reload() // tells the log
	u.tell(u.systemd.Ready())
}

// draining hears of the end of this process, and so of the service's, unless another is its main process.
func (u *upgrader) draining() {
	if !u.elsewhere.Load() {
		u.tell(u.systemd.Stopping())
	}
}

// tell hears whether systemd was told.
func (u *upgrader) tell(err error) {
	if err != nil {
		u.log.Warn("could not notify systemd", "error", err)
	}
}

const upgradeUsage = `weir upgrade has the running weir start its successor, the program as it is on disk by now, and leave its place to it.
No connection is refused or reset. Open sessions go on in the old process, which ends with the last of them (upgrade-drain).
If the successor does not come up, the old process goes on as before.

  weir upgrade --admin 127.0.0.1:9090

`

// upgrade is the command: it asks the running process by its admin listener.
func upgrade(args []string, p program) int {
	flags := pflag.NewFlagSet("upgrade", pflag.ContinueOnError)
	flags.Usage = func() {}
	addr := flags.String("admin", config.Default().Admin, "`ADDR` of the running weir's admin listener, as host:port or unix:/path")
	token := flags.String("admin-token", "", "its `TOKEN`, if it has one; WEIR_ADMIN_TOKEN is better, as others see command lines")
	switch err := flags.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprint(p.stdout, upgradeUsage, flags.FlagUsages())
		return exitOK
	case err != nil:
		return p.misused(err)
	case flags.NArg() > 0:
		return p.misused(config.Unexpected(flags.Arg(0)))
	}
	for _, v := range p.environ {
		if text, ok := strings.CutPrefix(v, "WEIR_ADMIN_TOKEN="); ok && *token == "" {
			*token = text
		}
	}
	var answer struct{ PID int }
	body, err := askAdmin(*addr, *token, http.MethodPost, "/upgrade", upgradeTimeout)
	if err == nil {
		err = json.Unmarshal(body, &answer)
	}
	if err != nil {
		return p.failed(fmt.Errorf("upgrade: %w", err))
	}
	fmt.Fprintf(p.stdout, "replaced by process %d\n", answer.PID)
	return exitOK
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
