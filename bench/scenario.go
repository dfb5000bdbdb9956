//go:build linux

package bench

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/bench/echo"
)

// Kind is how a scenario behaves.
type Kind string

const (
	KindEcho  Kind = "echo"
	KindIdle  Kind = "idle"
	KindStorm Kind = "storm"
	KindHTTP  Kind = "http" // plain requests over kept connections
	KindSlow  Kind = "slow" // echo, then the same beside clients that read nothing, or little

	KindHellos Kind = "hellos" // echo: alone, beside busy goroutines, beside replayed ClientHellos; not compared among peers

	KindFanout Kind = "fanout" // one client speaks to all others
	KindChurn  Kind = "churn"  // connect, talk, leave
	KindDrain  Kind = "drain"  // clients come back while gateways end
)

// Scenario is one thing to measure.
type Scenario struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Kind  Kind   `json:"kind"`

	Conns  int     `json:"conns,omitempty"`  // connections; storm, churn: under way at any time
	Active int     `json:"active,omitempty"` // echo: how many of them talk, 0 for all
	Size   int     `json:"size,omitempty"`   // payload bytes of a message
	Rate   float64 `json:"rate,omitempty"`   // messages a second, of each client or of fanout's one; 0 for the closed loop
	Path   string  `json:"path,omitempty"`   // asked for in place of the target's own
	TLS    bool    `json:"tls,omitempty"`    // clients come with TLS
	Resume bool    `json:"resume,omitempty"` // storm: they all resume one TLS session

	Slow      int           `json:"slow,omitempty"`      // slow: how many read little
	SlowRead  int           `json:"slow_read,omitempty"` // slow: bytes a second that each of them reads
	Hellos    int           `json:"hellos,omitempty"`    // hellos: how many clients replay one
	Messages  int           `json:"messages,omitempty"`  // churn: of each life
	Processes int           `json:"processes,omitempty"` // idle: of the load, each with descriptors and a source address of its own
	Ping      time.Duration `json:"ping_ns,omitempty"`   // idle: how often each client pings, 0 for never
	Jitter    time.Duration `json:"jitter_ns,omitempty"` // drain: the most a client waits before it dials again

	Warmup  time.Duration `json:"-"` // before the window; idle: settling
	Settle  time.Duration `json:"-"` // idle: the least that Warmup is taken for, since memory is given back a while after the last newcomer; churn: before the last look at it
	Least   time.Duration `json:"-"` // the least that Seconds is taken for
	Seconds time.Duration `json:"-"` // the window
	Once    bool          `json:"-"` // one round tells enough
	Ramp    int           `json:"-"` // connections a second, 0 for the load's default
	Threads int           `json:"-"` // loops of the load
}

// Scenarios are the ones that Compare knows by name.
func Scenarios() []Scenario {
	return []Scenario{
		{Name: "echo125", Title: "125-byte echo, 1,000 connections, closed loop", Kind: KindEcho, Conns: 1000, Size: 125},
		{Name: "echo64k", Title: "64 KiB echo, 100 connections, closed loop", Kind: KindEcho, Conns: 100, Size: 64 << 10},
		{Name: "open100", Title: "125-byte echo, 100 connections at 10 messages/s each, open loop", Kind: KindEcho, Conns: 100, Size: 125, Rate: 10, Least: 3 * time.Second},
		{Name: "lowrate", Title: "125-byte echo, 10 connections at 100 messages/s each, open loop", Kind: KindEcho, Conns: 10, Size: 125, Rate: 100, Least: 3 * time.Second},
		{Name: "slow", Title: "125-byte echo, 1,000 connections, closed loop, beside one client that never reads", Kind: KindSlow, Conns: 1000, Size: 125, Slow: 1},
		{Name: "idle", Title: "8,000 idle connections", Kind: KindIdle, Conns: 8000, Settle: 2 * time.Second},
		{Name: "idle16k", Title: "16,000 idle connections, for those whose descriptors suffice", Kind: KindIdle, Conns: 16000, Settle: 2 * time.Second},
		{Name: "storm", Title: "upgrade storm: connect, upgrade, reset; 64 at a time", Kind: KindStorm, Conns: 64},
		{Name: "fanout", Title: "one client's 125 bytes to 1,000 others, the next when all have it", Kind: KindFanout, Conns: 1001, Size: 125, Path: echo.FanoutPath},
		{Name: "http", Title: "plain HTTP: GET, answers of 125 bytes, 100 kept connections, closed loop", Kind: KindHTTP, Conns: 100, Path: echo.RequestPath},
		{Name: "churn", Title: "short lives: connect, 4 echoes of 125 bytes, close handshake; 64 at a time", Kind: KindChurn, Conns: 64, Size: 125, Messages: 4, Settle: time.Second, Once: true},
		{Name: "drain", Title: "SIGTERM under 1,000 connections at 2 messages/s each, who come back to a second gateway", Kind: KindDrain, Conns: 1000, Size: 125, Rate: 2, Jitter: 200 * time.Millisecond, Least: 5 * time.Second, Once: true},
		{Name: "tls-echo125", Title: "125-byte echo over TLS, 1,000 connections, closed loop", Kind: KindEcho, TLS: true, Conns: 1000, Size: 125},
		{Name: "tls-idle", Title: "4,000 idle connections over TLS", Kind: KindIdle, TLS: true, Conns: 4000, Settle: 3 * time.Second},
		{Name: "tls-storm", Title: "full TLS handshakes: connect, handshake, upgrade, reset; 64 at a time", Kind: KindStorm, TLS: true, Conns: 64},
		{Name: "tls-storm-resumed", Title: "the same, each resuming a TLS session", Kind: KindStorm, TLS: true, Resume: true, Conns: 64},
	}
}

// ScenarioNames are all that Scenarios holds, for people.
func ScenarioNames() string {
	var names []string
	for _, s := range Scenarios() {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

// SelectScenarios takes "all" or names.
func SelectScenarios(names []string) ([]Scenario, error) {
	all := Scenarios()
	if slices.Contains(names, "all") {
		return all, nil
	}
	var chosen []Scenario
	for _, name := range names {
		i := slices.IndexFunc(all, func(s Scenario) bool { return s.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no scenario %q; there are %s and all", name, ScenarioNames())
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}
