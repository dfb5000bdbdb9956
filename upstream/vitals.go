package upstream

import (
	"sync"
	"sync/atomic"
	"time"

	"weir/upstream/balance"
)

// coolDown is how long an endpoint rests after failed connects where no active
// check could find it well again.
const coolDown = 10 * time.Second

// rules are what all endpoints of a group judge by.
type rules struct {
	rise, fall int
	outlier    Outlier
	ejects     *ejects
	spare      func(e *Endpoint) bool // tells whether the group can do without it
	checked    bool                   // active checks run
	changed    func(e *Endpoint, healthy bool, reason string)
	lost       func(e *Endpoint, connections, sessions int, reason string)
	leaves     func(e *Endpoint, why Cause)
}

// vitals is what changes about an endpoint. Several groups may have it, where one takes another's place; it goes by the
// rules of the newest that was started.
type vitals struct {
	// any goroutine
	tls             atomic.Pointer[clientTLS]
	load            balance.Load
	connects        atomic.Uint64
	connectFailures atomic.Uint64
	checks          atomic.Uint64
	checkFailures   atomic.Uint64
	transitions     atomic.Uint64
	causes          atomic.Uint32                  // that keep new sessions away, each a bit; written under mu
	downs           [len(causeNames)]atomic.Uint64 // how often each cause began
	unsettled       atomic.Bool                    // the next good connect has something to change
	protocol        atomic.Uint32                  // remembered until it goes down, as it may come back as another

	// under mu
	mu          sync.Mutex
	rules       *rules
	checked     time.Time // when a check was last done
	state       string
	reason      string
	since       time.Time
	connectsBad int // connects failed in a row
	checksBad   int // checks failed in a row
	checksGood  int // checks passed in a row
	rest        *time.Timer
	retired     bool
	setback     setback
	held        setback // the cause that began last
	losses      losses
	outcomes    outcomes
}

func newVitals(r *rules, tls *clientTLS) *vitals {
	v := &vitals{rules: r, state: Unknown, since: time.Now()}
	v.tls.Store(tls)
	v.unsettled.Store(!r.checked)
	return v
}

// take has it go by the rules of another group from now on.
func (v *vitals) take(e *Endpoint, r *rules) {
	v.mu.Lock()
	defer v.mu.Unlock()
	was := v.rules
	v.rules, v.retired = r, false
	if !r.checked {
		v.unsettled.Store(true)
	}
	if was.checked && !r.checked && v.state == Unhealthy { // no check will find it well
		v.tryAgain(e, "no longer checked")
	}
}

// untilCheck is how long the next check has time, if they are interval apart.
func (v *vitals) untilCheck(interval time.Duration) time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	return max(0, interval-time.Since(v.checked))
}

// connected forgets failed connects. Whether the endpoint is well is for the
// active checks to say; only without them is a connection the proof.
func (v *vitals) connected(e *Endpoint) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.unsettled.Store(false)
	v.connectsBad = 0
	if !v.rules.checked && v.state != Healthy {
		v.become(e, Healthy, "connected")
	}
}

func (v *vitals) connectFailed(e *Endpoint, reason string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.setback.note(unmet + reason)
	v.unsettled.Store(true)
	v.connectsBad++
	if v.state == Unhealthy || v.connectsBad < v.rules.fall {
		return
	}
	v.become(e, Unhealthy, unmet+reason)
	v.hold(e, CauseConnect, true, v.reason)
	if !v.rules.checked && !v.retired {
		v.rest = time.AfterFunc(coolDown, func() { v.rested(e) })
	}
}

// rested puts the endpoint on trial: it is used again, and the next failed
// connect sends it back to rest.
func (v *vitals) rested(e *Endpoint) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.state == Unhealthy && !v.retired {
		v.tryAgain(e, "cool-down over")
	}
}

// tryAgain is called under mu.
func (v *vitals) tryAgain(e *Endpoint, reason string) {
	v.connectsBad = v.rules.fall - 1
	v.become(e, Unknown, reason)
}

// checkDone takes the outcome of an active check.
func (v *vitals) checkDone(e *Endpoint, err error) {
	v.checks.Add(1)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.checked = time.Now()
	if err != nil {
		v.setback.note("check: " + err.Error())
		v.checkFailures.Add(1)
		v.checksGood = 0
		v.checksBad++
		if v.state != Unhealthy && v.checksBad >= v.rules.fall {
			v.become(e, Unhealthy, "check: "+err.Error())
			v.hold(e, CauseCheck, true, v.reason)
		}
		return
	}
	v.checksBad = 0
	v.checksGood++
	if v.state == Unknown || v.state == Unhealthy && v.checksGood >= v.rules.rise {
		v.connectsBad = 0
		v.become(e, Healthy, "check passed")
	}
	if v.state == Healthy && v.outcomes.unmet { // it has been restarted, and can be connected to
		v.readmit(e, "check passed")
	}
}

// moved forgets what was true of another address.
func (v *vitals) moved(e *Endpoint) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.protocol.Store(protocolUnknown)
	v.connectsBad, v.checked = 0, time.Time{}
	v.unsettled.Store(!v.rules.checked)
	v.become(e, Unknown, "its address changed")
}

// become is called under mu.
func (v *vitals) become(e *Endpoint, state, reason string) {
	v.state, v.reason, v.since = state, reason, time.Now()
	v.checksGood, v.checksBad = 0, 0
	if v.rest != nil {
		v.rest.Stop()
	}
	if state == Unhealthy {
		v.protocol.Store(protocolUnknown)
		return
	}
	v.hold(e, CauseCheck|CauseConnect, false, reason)
}

// retire ends the timers, unless another group than that of r has taken it; sessions may still count on and off.
func (v *vitals) retire(r *rules) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.rules != r {
		return
	}
	v.retired = true
	for _, t := range []*time.Timer{v.rest, v.losses.due, v.outcomes.timer} {
		if t != nil {
			t.Stop()
		}
	}
}
