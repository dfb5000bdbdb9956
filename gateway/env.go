package gateway

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
)

// env is what all plans of a process share. Immutable; what it points to is for any goroutine.
type env struct {
	start         *config.Config // of the process's start, for what counts after a restart alone
	log           *slog.Logger
	metrics       *metricsSet
	stickyKey     []byte // where the configuration has none
	ticketSecrets *certs.Secrets
	toBackends    *netpoll.Handshakes
	fromClients   *netpoll.Handshakes
	sockets       *netpoll.Sockets
	compute       *limits.Turns   // what costs a processor and can wait: TLS handshakes, passwords, slow signatures
	failures      *auth.Failures  // credentials that were not valid; nil: not counted
	parting       sync.WaitGroup  // parts of plans that are ending
	silences      observe.Limiter // of auth services
}

// tlsReloaded hears of each file about TLS that was taken anew, and of each that could not be.
func (e *env) tlsReloaded(what string, err error) {
	e.reloaded(what, err, &e.metrics.tlsReloads, &e.metrics.tlsReloadFailures)
}

// accessReloaded hears the same of files about who may connect.
func (e *env) accessReloaded(what string, err error) {
	e.reloaded(what, err, &e.metrics.accessReloads, &e.metrics.accessReloadFailures)
}

// obtained hears of each certificate that came by ACME, and of each attempt that failed.
func (e *env) obtained(what string, err error) {
	if errors.Is(err, certs.ErrNone) {
		e.metrics.acmeFailures.Add(1)
		e.log.Error("not obtained, TLS for its name fails until it is", "what", what, "error", err)
		return
	}
	e.reloaded(what, err, &e.metrics.acmeObtained, &e.metrics.acmeFailures)
}

func (e *env) reloaded(what string, err error, taken, failed *atomic.Uint64) {
	switch {
	case errors.Is(err, certs.ErrExpired):
		e.log.Warn("taken, though its time is over or has not come", "what", what, "error", err)
	case err != nil:
		failed.Add(1)
		e.log.Error("not taken, what was there before stays in use", "what", what, "error", err)
	default:
		taken.Add(1)
		e.log.Info("taken anew", "what", what)
	}
}

// fetched hears of each fetch of a key set.
func (e *env) fetched(err error) {
	if err != nil {
		e.metrics.fetchFailures.Add(1)
		e.log.Warn("key set not fetched", "error", err)
	}
}

// silent hears of each call of an auth service that decided nothing, and tells of it once in a while.
func (e *env) silent(err error) {
	e.metrics.silences.Add(1)
	if ok, held := e.silences.Due(); ok {
		e.log.Warn("the auth service did not decide, its clients get 503", "error", err, "left_out", held)
	}
}

// reread reads the files of all gates again, and tells of those that were taken anew or cannot be read: of the latter once for
// as long as it is the same, or again.
func (e *env) reread(gs *gates, again bool) error {
	var all []watch.Outcome
	for _, n := range gs.networks {
		all = append(all, n.Reload())
	}
	for _, who := range gs.policies {
		all = append(all, who.Reload()...)
	}
	for _, out := range all {
		out.Tell(again, e.accessReloaded)
	}
	return watch.Failures(all...)
}
