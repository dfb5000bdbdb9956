package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

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
	to, exit := p.admin("upgrade", upgradeUsage, args, 0)
	if to == nil {
		return exit
	}
	var answer struct{ PID int }
	body, err := askAdmin(to.addr, to.token, http.MethodPost, "/upgrade", upgradeTimeout)
	if err == nil {
		err = json.Unmarshal(body, &answer)
	}
	if err != nil {
		return p.failed(fmt.Errorf("upgrade: %w", err))
	}
	fmt.Fprintf(p.stdout, "replaced by process %d\n", answer.PID)
	return exitOK
}
