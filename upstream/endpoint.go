package upstream

import (
	"sync/atomic"
	"time"

	"weir/netpoll"
)

// An Endpoint is one backend address. It stays the same pointer for as long as
// it is known by this name at this address.
type Endpoint struct {
	// Name is "ws://host:port@ip" where the host is a name, else "ws://ip:port" or "unix://path", or what the operator
	// calls it (#id=NAME). It decides which keys the endpoint gets, so every gateway that knows the endpoint gives it the
	// same name, whatever else the host name stands for.
	Name string
	Addr netpoll.Addr
	Spec Spec // without what the terms have

	id    uint64
	terms atomic.Pointer[Terms]

	// vitals belong to the name: an endpoint with an ID keeps its sessions and counters when its address changes.
	vitals *vitals
}

// Terms are what may change about an endpoint while it stays the same one.
type Terms struct {
	Weight   int    // at least 1
	Max      int    // sessions it may have; 0: any number
	Priority int    // the lowest is used first
	Zone     string // "": nobody says
}

// Terms are those of this moment.
func (e *Endpoint) Terms() Terms { return *e.terms.Load() }

// EndpointStats is a snapshot of an endpoint's counters; each only grows, but for Active.
type EndpointStats struct {
	Active          int64  // sessions now
	Connects        uint64 // connections made
	ConnectFailures uint64
	Checks          uint64 // active checks done, failed ones included
	CheckFailures   uint64
	Transitions     uint64 // times it went down or came back

	Downs [len(causeNames)]uint64 // times that each of Causes began, in their order
}

// States an endpoint can be in.
const (
	Healthy   = "healthy"
	Unhealthy = "unhealthy"
	Unknown   = "unknown"  // nothing proved yet; counts as healthy
	Ejected   = "ejected"  // out for a while, see Outlier
	Draining  = "draining" // by hand
	Leaving   = "leaving"  // its source says so
)

// ID stands for the endpoint where its name is too long or not to be shown. It is made of the name, and so the same
// on every gateway.
func (e *Endpoint) ID() uint64 { return e.id }

// Is tells whether both are the same backend address, perhaps as two groups know it of which one took the other's place.
func (e *Endpoint) Is(other *Endpoint) bool { return e.vitals == other.vitals }

// Acquire counts a session onto the endpoint, and tells whether it may have one more.
func (e *Endpoint) Acquire() bool { return e.vitals.load.Acquire(e.terms.Load().Max) }

// Release undoes one Acquire that was granted.
func (e *Endpoint) Release() { e.vitals.load.Active.Add(-1) }

// Active is the number of sessions acquired and not released.
func (e *Endpoint) Active() int64 { return e.vitals.load.Active.Load() }

// Healthy reports whether Pick may choose the endpoint.
func (e *Endpoint) Healthy() bool { return !e.vitals.load.Down.Load() }

// State tells one of the states, what led to it, and since when.
func (e *Endpoint) State() (state, reason string, since time.Time) {
	v := e.vitals
	v.mu.Lock()
	defer v.mu.Unlock()
	state, reason, since = v.state, v.reason, v.since
	switch why := Cause(v.causes.Load()); {
	case why&CauseLeaving != 0:
		state = Leaving
	case why&CauseManual != 0:
		state = Draining
	case why&CauseOutlier != 0:
		state = Ejected
	default:
		return state, reason, since
	}
	return state, v.held.reason, v.held.at
}

// ConnectOK records a connection made. It is cheap: atomics only, unless there
// are failures to forget.
func (e *Endpoint) ConnectOK() {
	v := e.vitals
	v.connects.Add(1)
	if v.unsettled.Load() {
		v.connected(e)
	}
}

// ConnectFailed records a connection that could not be made. Fall of them in a
// row mark the endpoint down until active checks bring it back; with checks off,
// until a cool-down is over.
func (e *Endpoint) ConnectFailed(reason string) {
	e.vitals.connectFailures.Add(1)
	e.vitals.connectFailed(e, reason)
}

// timedOut is the reason where nothing stood before the connect timeout.
func (e *Endpoint) timedOut() string {
	if e.Spec.Secure() {
		return "timed out in TCP or TLS"
	}
	return "timed out"
}

// Stats reads the counters, each by itself.
func (e *Endpoint) Stats() EndpointStats {
	v := e.vitals
	var downs [len(causeNames)]uint64
	for i := range downs {
		downs[i] = v.downs[i].Load()
	}
	return EndpointStats{
		Downs:           downs,
		Active:          e.Active(),
		Connects:        v.connects.Load(),
		ConnectFailures: v.connectFailures.Load(),
		Checks:          v.checks.Load(),
		CheckFailures:   v.checkFailures.Load(),
		Transitions:     v.transitions.Load(),
	}
}

// What is known of the protocol that an endpoint speaks.
const (
	protocolUnknown = iota
	protocolPool    // extended CONNECT was offered
	protocolTunnel  // it was not, and the user allows tunnels
)

// Protocol is how sessions reach the endpoint: "http/1.1" by a connection each, "h2" by pooled ones; "" while it has
// not shown which of the two it offers.
func (e *Endpoint) Protocol() string {
	switch known := e.vitals.protocol.Load(); {
	case !e.Spec.Pools(), e.Spec.Tunnels() && known == protocolTunnel:
		return alpnHTTP1
	case !e.Spec.Tunnels(), known == protocolPool:
		return alpnHTTP2
	}
	return ""
}

// pooled tells whether sessions reach the endpoint over pooled connections.
func (e *Endpoint) pooled() bool {
	return e.Spec.Pools() && !(e.Spec.Tunnels() && e.vitals.protocol.Load() == protocolTunnel)
}

// doubtFor is how long an endpoint that hung up without a word is taken for one that speaks HTTP/1.1 alone.
const doubtFor = 5 * time.Second

// doubt has the question asked again after a while: an endpoint that is just starting hangs up as well.
func (v *vitals) doubt() {
	time.AfterFunc(doubtFor, func() { v.protocol.CompareAndSwap(protocolTunnel, protocolUnknown) })
}

// check takes the outcome of an active check, unless that tells of this machine alone.
func (e *Endpoint) check(err error) {
	if Exhausted(err, e.Addr) == nil {
		e.vitals.checkDone(e, err)
	}
}
