package gateway

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"weir/netpoll"
	"weir/upstream"
)

// admin is a listener of its own, on net/http: it is for people and their tools, not for speed.
type admin struct {
	server   *http.Server
	addr     net.Addr
	listener net.Listener
}

func startAdmin(g *Gateway) (*admin, error) {
	ln, err := listenAdmin(g.cfg.Admin)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("%w: by another weir? To replace it without a gap, use weir upgrade", err)
		}
		return nil, fmt.Errorf("admin: cannot listen on %s: %w", g.cfg.Admin, err)
	}
	return serveAdmin(g, ln), nil
}

// listenAdmin listens on host:port, or on a unix socket that its owner alone may connect to.
func listenAdmin(text string) (net.Listener, error) {
	path, unix := strings.CutPrefix(text, "unix:")
	if !unix {
		return net.Listen("tcp", text)
	}
	if c, err := net.Dial("unix", path); err == nil {
		_ = c.Close()
		return nil, syscall.EADDRINUSE
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		_ = os.Remove(path) // left by a process that was killed
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = ln.Close()
		return nil, err
	}
	return ln, nil
}

func serveAdmin(g *Gateway, ln net.Listener) *admin {
	a := &admin{addr: ln.Addr(), listener: ln}
	a.server = &http.Server{Handler: g.audited(guard(g, adminRoutes(g))), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	go func() { _ = a.server.Serve(ln) }()
	return a
}

// file is a copy of the listener's descriptor.
func (a *admin) file() (*os.File, error) { return netpoll.FileOf(a.listener.(syscall.Conn)) }

// move goes on listening on a unix socket instead. Requests under way are answered.
func (a *admin) move(g *Gateway, path string) error {
	ln, err := listenAdmin("unix:" + path)
	if err != nil {
		return fmt.Errorf("admin: cannot listen on %s: %w", path, err)
	}
	if u, ok := a.listener.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // the path is the successor's
	}
	_ = a.listener.Close()
	a.listener, a.addr = ln, ln.Addr()
	go func() { _ = a.server.Serve(ln) }()
	return nil
}

func (a *admin) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if a.server.Shutdown(ctx) != nil {
		_ = a.server.Close()
	}
}

func adminRoutes(g *Gateway) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /health", g.serveHealth)
	mux.HandleFunc("GET /readyz", g.serveReady)
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		g.writeMetrics(w)
	})
	mux.HandleFunc("GET /endpoints", func(w http.ResponseWriter, _ *http.Request) { serveJSON(w, g.endpointList()) })
	mux.HandleFunc("GET /sessions", func(w http.ResponseWriter, _ *http.Request) { serveJSON(w, g.sessionSummary()) })
	mux.HandleFunc("POST /sessions/close", g.closeSessions)
	mux.HandleFunc("POST /sessions/renew", g.renewSessions)
	mux.HandleFunc("POST /drain", func(w http.ResponseWriter, _ *http.Request) {
		g.Drain()
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintln(w, "draining")
	})
	mux.HandleFunc("POST /reload", g.serveReload)
	mux.HandleFunc("GET /config", func(w http.ResponseWriter, _ *http.Request) { serveJSON(w, g.plan.Load().cfg.Effective()) })
	mux.HandleFunc("POST /upgrade", g.serveUpgrade)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// guard keeps web pages away from a listener on loopback: a page cannot hide its Origin, and a name that was
// rebound to this address shows in Host. Changes need the token, or else a caller on this machine.
func guard(g *Gateway, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" && r.Header.Get("Sec-Fetch-Site") != "none":
			http.Error(w, "requests from web pages are refused", http.StatusForbidden)
		case !hostIsAddress(r.Host):
			http.Error(w, "ask for an IP address or localhost, not for a name", http.StatusMisdirectedRequest)
		case r.Method == http.MethodPost && !entitled(w, g.mayChange(r)):
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "changes need the admin token (--admin-token), or a caller on this machine if none is set", http.StatusUnauthorized)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func hostIsAddress(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	_, err := netip.ParseAddr(host)
	return err == nil || host == "localhost" || host == ""
}

// mayChange tells what entitles a caller to changes; "": nothing.
func (g *Gateway) mayChange(r *http.Request) (by string) {
	if token := g.plan.Load().cfg.AdminToken; token != "" {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if ok && subtle.ConstantTimeCompare([]byte(given), []byte(token)) == 1 {
			return "token"
		}
		return ""
	}
	if at, ok := r.Context().Value(http.LocalAddrContextKey).(*net.UnixAddr); ok && at != nil {
		return "unix socket" // the mode of its file says who may connect
	}
	if from, err := netip.ParseAddrPort(r.RemoteAddr); err == nil && from.Addr().Unmap().IsLoopback() {
		return "loopback"
	}
	return ""
}

// serveHealth answers what health checks of guides look at: 503 while draining.
func (g *Gateway) serveHealth(w http.ResponseWriter, _ *http.Request) {
	answer := struct {
		Status      string `json:"status"`
		Connections int    `json:"connections"` // of clients, those with plain HTTP included
	}{"healthy", g.limits.admitted.Len()}
	w.Header().Set("Content-Type", "application/json")
	if g.draining.Load() {
		answer.Status = "draining"
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// serveReady answers 200 while new sessions are welcome.
func (g *Gateway) serveReady(w http.ResponseWriter, _ *http.Request) {
	if err := g.Ready(); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}

// serveReload answers with what has changed, or why nothing has.
func (g *Gateway) serveReload(w http.ResponseWriter, _ *http.Request) {
	r, err := g.Reload()
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

// serveUpgrade answers when the successor serves, or with what went wrong; then nothing has changed.
func (g *Gateway) serveUpgrade(w http.ResponseWriter, _ *http.Request) {
	if g.onUpgrade == nil {
		http.Error(w, "this process cannot start a successor", http.StatusNotImplemented)
		return
	}
	pid, err := g.onUpgrade()
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	serveJSON(w, map[string]int{"pid": pid})
}

// Ready tells why new sessions are not welcome; nil: they are.
func (g *Gateway) Ready() error {
	switch {
	case g.draining.Load():
		return errors.New("draining")
	case g.leaving.Load():
		return errors.New("replaced by a successor")
	case !g.servable():
		return errors.New("no healthy endpoint")
	}
	return nil
}

// servable tells whether any backend may be chosen.
func (g *Gateway) servable() bool {
	return slices.ContainsFunc(g.plan.Load().fleets.all, (*fleet).servable)
}

type endpointInfo struct {
	Route           string    `json:"route"`
	Endpoint        string    `json:"endpoint"`
	Address         string    `json:"address"`
	Weight          int       `json:"weight"`
	State           string    `json:"state"`
	Reason          string    `json:"reason,omitempty"`
	Since           time.Time `json:"since"`
	LastError       string    `json:"last_error,omitempty"` // of a check, a connect or a pooled connection
	LastErrorAt     time.Time `json:"last_error_at,omitzero"`
	Protocol        string    `json:"protocol,omitempty"` // "http/1.1" or "h2", once it is known
	Sessions        int64     `json:"sessions"`
	Connects        uint64    `json:"connects"`
	ConnectFailures uint64    `json:"connect_failures"`
}

// unresolved is the state of a backend whose name leads to no address.
const unresolved = "unresolved"

func (g *Gateway) endpointList() []endpointInfo {
	list := []endpointInfo{}
	g.plan.Load().eachEndpoint(func(f *fleet, e *upstream.Endpoint) {
		state, reason, since := e.State()
		st := e.Stats()
		why, at := e.LastError()
		list = append(list, endpointInfo{Route: *f.name.Load(), Endpoint: e.Name, Address: e.Addr.String(), Weight: e.Weight, State: state, Reason: reason,
			Since: since, LastError: why, LastErrorAt: at, Protocol: e.Protocol(),
			Sessions: st.Active, Connects: st.Connects, ConnectFailures: st.ConnectFailures})
	})
	for _, f := range g.plan.Load().fleets.all {
		for _, l := range f.group.Lookups() {
			for _, name := range l.Backends {
				if !l.Known {
					list = append(list, endpointInfo{Route: *f.name.Load(), Endpoint: name, State: unresolved, Reason: l.Error, Since: l.Since})
				}
			}
		}
	}
	return list
}

type sessionSummary struct {
	Open        int              `json:"open"`
	Ending      int              `json:"ending"`
	Connections int              `json:"connections"` // of clients, handshakes included
	PerLoop     []int            `json:"per_loop"`
	PerEndpoint map[string]int64 `json:"per_endpoint"`
	Opened      uint64           `json:"opened_total"`
	Cut         uint64           `json:"cut_total"`
	Buffered    int              `json:"buffered_bytes"`
	Draining    bool             `json:"draining"`
	Uptime      string           `json:"uptime"`
}

func (g *Gateway) sessionSummary() sessionSummary {
	sum := sessionSummary{PerEndpoint: map[string]int64{}, Draining: g.draining.Load(), Uptime: time.Since(g.started).Round(time.Second).String()}
	for _, st := range g.stats() {
		sum.Open += st.talking
		sum.Ending += st.ending
		sum.Connections += st.sessions
		sum.PerLoop = append(sum.PerLoop, st.sessions)
		sum.Opened += st.opened
		sum.Cut += st.cut
		sum.Buffered += st.loop.Buffered
	}
	g.plan.Load().eachEndpoint(func(_ *fleet, e *upstream.Endpoint) { sum.PerEndpoint[e.Name] += e.Active() })
	return sum
}

func serveJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v)
}
