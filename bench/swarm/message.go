//go:build linux

package swarm

import (
	"net/netip"
	"time"

	"weir/bench/epoll"
	"weir/bench/load"
)

// Target is where the clients go.
type Target struct {
	Addr netip.AddrPort `json:"addr"`
	Host string         `json:"host"` // of the Host header
	Path string         `json:"path"` // with the query
}

// Open is a request for connections.
type Open struct {
	Target
	Conns   int           `json:"conns"`
	Rate    float64       `json:"rate"`    // connections a second; 0 for as fast as Pending allows
	Pending int           `json:"pending"` // handshakes under way at once, at most
	Within  time.Duration `json:"within"`  // for any handshake to end
}

// Talk is what a share of the clients says, in open loop.
type Talk struct {
	Active   int           `json:"active"`   // clients that talk
	Size     int           `json:"size"`     // payload bytes of a message, MaxSize at most
	Rate     float64       `json:"rate"`     // messages a second and client
	Warmup   time.Duration `json:"warmup"`   // before the window
	Duration time.Duration `json:"duration"` // of the window
	At       int64         `json:"at"`       // when the first message is due, in Unix nanoseconds
}

// MaxSize is the largest payload of a Talk's message, in bytes.
const MaxSize = 16 << 10

// command is a line to a worker. One of its fields is set, and with Open the sources.
type command struct {
	Open  *Open          `json:"open,omitempty"`
	From  epoll.Sources  `json:"from,omitzero"`
	Hold  *time.Duration `json:"hold,omitempty"` // keep still for so long
	Talk  *Talk          `json:"talk,omitempty"`
	Await *time.Duration `json:"await,omitempty"` // for the other side to close them all, so long at most
}

// report is a line from a worker: one with Progress set twice a second, one without as the last of a command.
type report struct {
	Progress bool   `json:"progress,omitempty"`
	Error    string `json:"error,omitempty"` // the command could not be obeyed to its end
	Live     int    `json:"live"`            // upgraded and not closed
	tallies
	Latency []byte `json:"latency,omitempty"` // an HdrHistogram of nanoseconds, V2 compressed
}

// tallies are counted from one report to the next.
type tallies struct {
	Ops    int                `json:"ops,omitempty"`    // echoes of messages that were due in the window
	Pings  int                `json:"pings,omitempty"`  // that were answered
	Closed map[int]int        `json:"closed,omitempty"` // close frames by code, load.CodeNone without one
	Faults map[load.Fault]int `json:"faults,omitempty"`
	First  string             `json:"first,omitempty"` // the first fault in words

	Busy    float64 `json:"busy,omitempty"`    // of a talk or a hold: share of the time the loop ran
	Starved float64 `json:"starved,omitempty"` // and was ready, but waited for a processor
}

// Faults that only these clients tell apart.
const (
	faultFrame load.Fault = "malformed or unexpected frame"
	faultStuck load.Fault = "nothing is taken"
)
