package upstream

import (
	"math/bits"
	"time"
)

// A Cause is why an endpoint gets no new sessions. It may have several.
type Cause uint8

const (
	CauseCheck   Cause = 1 << iota // active checks failed
	CauseConnect                   // connects failed
	CauseOutlier                   // it failed too many handshakes, see Outlier
	CauseManual                    // drained by hand
	CauseLeaving                   // its source says that it is about to end
)

// Causes are all of them, for whoever counts or documents them.
var Causes = []Cause{CauseCheck, CauseConnect, CauseOutlier, CauseManual, CauseLeaving}

var causeNames = [...]string{"check", "connect", "outlier", "manual", "leaving"}

// String is the name of one cause.
func (c Cause) String() string { return causeNames[bits.TrailingZeros8(uint8(c))] }

// Causes are why the endpoint gets no new sessions; none: it does.
func (e *Endpoint) Causes() (why []Cause) {
	all := Cause(e.vitals.causes.Load())
	for _, c := range Causes {
		if all&c != 0 {
			why = append(why, c)
		}
	}
	return why
}

// Down tells whether a cause keeps new sessions away.
func (e *Endpoint) Down(c Cause) bool { return Cause(e.vitals.causes.Load())&c != 0 }

// set has a cause begin or end, and tells whether that is news.
func (v *vitals) set(e *Endpoint, c Cause, begins bool, reason string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.hold(e, c, begins, reason)
}

// hold is set, called under mu, which also keeps the changes told in order.
func (v *vitals) hold(e *Endpoint, c Cause, begins bool, reason string) bool {
	was := Cause(v.causes.Load())
	now := was &^ c
	if begins {
		now |= c
	}
	if now == was {
		return false
	}
	v.causes.Store(uint32(now))
	v.load.Off.Store(now&CauseManual != 0)
	if begins {
		if c&(CauseManual|CauseLeaving) != 0 {
			v.rules.leaves(e, c)
		}
		v.held.note(reason)
		v.downs[bits.TrailingZeros8(uint8(c))].Add(1)
	}
	if (now == 0) == (was == 0) {
		return true
	}
	if now == 0 {
		v.load.Since.Store(time.Now().UnixNano())
	}
	v.load.Down.Store(now != 0)
	v.transitions.Add(1)
	v.rules.changed(e, now == 0, reason)
	return true
}
