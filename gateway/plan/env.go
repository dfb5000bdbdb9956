package plan

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"weir/gateway/auth"
	"weir/gateway/certs"
	"weir/gateway/config"
	"weir/gateway/limits"
	"weir/gateway/observe"
	"weir/internal/watch"
	"weir/netpoll"
	"weir/upstream"
)

// Env is what all plans of a process share. Immutable; what it points to is for any goroutine.
type Env struct {
	Start         *config.Config // of the process's start, for what counts after a restart alone
	Log           *slog.Logger
	Metrics       *observe.Metrics
	StickyKey     []byte // where the configuration has none
	ByHand        upstream.ByHand
	OnLeave       func(e *upstream.Endpoint, why upstream.Cause) // told of endpoints that are to lose their sessions
	TicketSecrets *certs.Secrets
	ToBackends    *netpoll.Handshakes
	FromClients   *netpoll.Handshakes
	Sockets       *netpoll.Sockets
	Compute       *limits.Turns   // what costs a processor and can wait: TLS handshakes, passwords, slow signatures
	Failures      *auth.Failures  // credentials that were not valid; nil: not counted
	Parting       sync.WaitGroup  // parts of plans that are ending
	authSilences  observe.Limiter // of auth services
}

// tookTLSFile hears of each file about TLS that was taken anew, and of each that could not be.
func (e *Env) tookTLSFile(what string, err error) {
	e.tookFile(what, err, &e.Metrics.TLSReloads, &e.Metrics.TLSReloadFailures)
}

// tookAccessFile hears the same of files about who may connect.
func (e *Env) tookAccessFile(what string, err error) {
	e.tookFile(what, err, &e.Metrics.AccessReloads, &e.Metrics.AccessReloadFailures)
}

// obtained hears of each certificate that came by ACME, and of each attempt that failed.
func (e *Env) obtained(what string, err error) {
	if errors.Is(err, certs.ErrNone) {
		e.Metrics.ACMEFailures.Add(1)
		e.Log.Error("certificate not obtained: TLS for its name fails until it is", "what", what, "error", err)
		return
	}
	e.tookFile(what, err, &e.Metrics.ACMEObtained, &e.Metrics.ACMEFailures)
}

func (e *Env) tookFile(what string, err error, taken, failed *atomic.Uint64) {
	switch {
	case errors.Is(err, certs.ErrExpired):
		e.Log.Warn("certificate in use, but expired or not valid yet", "what", what, "error", err)
	case err != nil:
		failed.Add(1)
		e.Log.Error("file not usable: the previous content stays in use", "what", what, "error", err)
	default:
		taken.Add(1)
		e.Log.Info("file reloaded", "what", what)
	}
}

// fetched hears of each fetch of a key set.
func (e *Env) fetched(err error) {
	if err != nil {
		e.Metrics.FetchFailures.Add(1)
		e.Log.Warn("key set not fetched", "error", err)
	}
}

// silent hears of each call of an auth service that decided nothing, and tells of it once in a while.
func (e *Env) silent(err error) {
	e.Metrics.Silences.Add(1)
	if ok, held := e.authSilences.Due(); ok {
		e.Log.Warn("no decision from the auth service: clients get 503", "error", err, "left_out", held)
	}
}

// reread reads the files of all gates again, and tells of those that were taken anew or cannot be read: of the latter once for
// as long as it is the same, or again.
func (e *Env) reread(gs *gates, again bool) error {
	var all []watch.Outcome
	for _, n := range gs.networks {
		all = append(all, n.Reload())
	}
	for _, who := range gs.policies {
		all = append(all, who.Reload()...)
	}
	for _, out := range all {
		out.Tell(again, e.tookAccessFile)
	}
	return watch.Failures(all...)
}
