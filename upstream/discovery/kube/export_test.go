package kube

import "time"

// Hasten has the client try again soon.
func (c *Client) Hasten() {
	c.backoff.Duration, c.backoff.Cap = 10*time.Millisecond, 50*time.Millisecond
}

var (
	Admitted     = admitted
	ReduceSlice  = reduceSlice
	TargetsOf    = targets
	MaxTargets   = maxTargets
	ReducedPorts = reduceService
)

// Slices are reduced EndpointSlices by name.
type Slices = map[string]slice

// Find looks a port up.
func (p ports) Find(port string) (string, bool) { return p.find(port) }
