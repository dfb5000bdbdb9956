package admin

import (
	"io"
	"time"

	"github.com/gobwas/ws"

	"weir/upstream"
)

// Gateway is what the calls are about. All its methods are for any goroutine.
type Gateway interface {
	Token() string // that entitles to changes; "": a caller on this machine is
	Health() Health
	Ready() error // why new sessions are not welcome; nil: they are
	WriteMetrics(io.Writer)
	Endpoints() []Endpoint
	Summary() Summary
	Config() any // the effective configuration, secrets masked

	Drain()
	ChangeEndpoint(id string, change func(*upstream.Manual)) ([]Endpoint, error) // those of that ID, as they are then
	Reload() (report any, err error)                                             // a *BusyError if it may be tried again later
	Upgrade() (pid int, err error)                                               // errors.ErrUnsupported if this process cannot start a successor
	CloseSessions(Choice, ws.StatusCode) (closed int)
	RenewSessions(c Choice, expires time.Time) (renewed int)
}

// BusyError says that what was asked for has to wait.
type BusyError struct{ Err error }

func (e *BusyError) Error() string { return e.Err.Error() }
func (e *BusyError) Unwrap() error { return e.Err }

// Health is what health checks of guides look at.
type Health struct {
	Status      string `json:"status"`      // "healthy", or "draining"
	Connections int    `json:"connections"` // of clients, those with plain HTTP included
}

// Endpoint is a backend's address, or a name that leads to none.
type Endpoint struct {
	Route           string    `json:"route"`
	ID              string    `json:"id,omitempty"` // for the calls that change it
	Endpoint        string    `json:"endpoint"`
	Address         string    `json:"address"`
	Weight          int       `json:"weight"`
	Max             int       `json:"max,omitempty"` // sessions it may have; 0: any number
	Priority        int       `json:"priority,omitempty"`
	Zone            string    `json:"zone,omitempty"`
	State           string    `json:"state"`
	Causes          []string  `json:"causes,omitempty"` // for which it gets no new sessions
	Reason          string    `json:"reason,omitempty"`
	Since           time.Time `json:"since"`
	LastError       string    `json:"last_error,omitempty"` // of a check, a connect or a pooled connection
	LastErrorAt     time.Time `json:"last_error_at,omitzero"`
	Protocol        string    `json:"protocol,omitempty"` // "http/1.1" or "h2", once it is known
	Sessions        int64     `json:"sessions"`
	Connects        uint64    `json:"connects"`
	ConnectFailures uint64    `json:"connect_failures"`
}

// Summary tells how many sessions there are.
type Summary struct {
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
