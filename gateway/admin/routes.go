package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
)

// handlers are the calls.
type handlers struct{ Gateway }

func routes(g Gateway) *http.ServeMux {
	h, mux := handlers{g}, http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /health", h.health)
	mux.HandleFunc("GET /readyz", h.ready)
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		g.WriteMetrics(w)
	})
	mux.HandleFunc("GET /endpoints", func(w http.ResponseWriter, _ *http.Request) { serveJSON(w, g.Endpoints()) })
	mux.HandleFunc("POST /endpoints/{id}/{what}", h.changeEndpoint)
	mux.HandleFunc("GET /sessions", func(w http.ResponseWriter, _ *http.Request) { serveJSON(w, g.Summary()) })
	mux.HandleFunc("POST /sessions/close", h.closeSessions)
	mux.HandleFunc("POST /sessions/renew", h.renewSessions)
	mux.HandleFunc("POST /drain", func(w http.ResponseWriter, _ *http.Request) {
		g.Drain()
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintln(w, "draining")
	})
	mux.HandleFunc("POST /reload", h.reload)
	mux.HandleFunc("GET /config", func(w http.ResponseWriter, _ *http.Request) { serveJSON(w, g.Config()) })
	mux.HandleFunc("POST /upgrade", h.upgrade)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// health answers what health checks of guides look at: 503 while draining.
func (h handlers) health(w http.ResponseWriter, _ *http.Request) {
	answer := h.Health()
	w.Header().Set("Content-Type", "application/json")
	if answer.Status != "healthy" {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// ready answers 200 while new sessions are welcome.
func (h handlers) ready(w http.ResponseWriter, _ *http.Request) {
	if err := h.Ready(); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}

// reload answers with what has changed, or why nothing has.
func (h handlers) reload(w http.ResponseWriter, _ *http.Request) {
	r, err := h.Reload()
	var busy *BusyError
	switch {
	case errors.As(err, &busy):
		http.Error(w, err.Error(), http.StatusConflict)
	case err != nil:
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
	default:
		serveJSON(w, r)
	}
}

// upgrade answers when the successor serves, or with what went wrong; then nothing has changed.
func (h handlers) upgrade(w http.ResponseWriter, _ *http.Request) {
	pid, err := h.Upgrade()
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		http.Error(w, "this process cannot start a successor", http.StatusNotImplemented)
	case err != nil:
		http.Error(w, err.Error(), http.StatusConflict)
	default:
		serveJSON(w, map[string]int{"pid": pid})
	}
}

func serveJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v)
}
