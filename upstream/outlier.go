package upstream

import (
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Outlier is when an endpoint is taken out for how it treats handshakes. An endpoint fails one if it cannot be connected to, does not answer
// in time, answers with 5xx, or, within Early and before the client has closed, ends TCP without a close frame or closes
// with 1011 or 1014. No other close code counts: applications refuse clients that way.
type Outlier struct {
	Ratio  float64       // of handshakes that failed within Window, from 0 to 1; 0: endpoints are never taken out
	Min    int           // handshakes there must have been
	Window time.Duration // that is looked at
	Early  time.Duration // from the answer on: how long a session has to last
	Eject  time.Duration // how long an endpoint is out; twice as long each time, up to maxEject
	Max    float64       // share of the endpoints that may be out, from 0 to 1; one always may, the last never
}

const (
	maxEject      = 10 * time.Minute
	maxSilent     = 3  // handshakes in a row without an answer in time, which are enough
	outcomeSlots  = 6  // of a window
	failedClients = 64 // addresses remembered
)

// outcomes are how an endpoint has treated the handshakes of a window. It is under the lock of its vitals.
type outcomes struct {
	slots  [outcomeSlots]slot
	failed [failedClients]failedClient // a ring: one client that fails again and again counts once
	next   int
	silent int           // without an answer in time, in a row
	unmet  bool          // it is out since it could not be connected to, of which checks know more
	eject  time.Duration // how long it was out last
	back   time.Time     // when it came back
	timer  *time.Timer
}

type slot struct {
	span    int64 // which it is of all since the epoch
	ok, bad int
}

type failedClient struct {
	addr netip.Addr
	at   time.Time
}

// slot is the one of this moment.
func (o *outcomes) slot(now time.Time, window time.Duration) *slot {
	span := now.UnixNano() / int64(max(window/outcomeSlots, 1))
	s := &o.slots[span%outcomeSlots]
	if s.span != span {
		*s = slot{span: span}
	}
	return s
}

// sum adds the window up.
func (o *outcomes) sum(now time.Time, window time.Duration) (ok, bad int) {
	oldest := o.slot(now, window).span - outcomeSlots
	for _, s := range o.slots {
		if s.span > oldest {
			ok, bad = ok+s.ok, bad+s.bad
		}
	}
	return ok, bad
}

// repeated tells whether the client has failed within the window, and remembers it.
func (o *outcomes) repeated(client netip.Addr, now time.Time, window time.Duration) bool {
	for i := range o.failed {
		if f := &o.failed[i]; f.addr == client && now.Sub(f.at) < window {
			return true
		}
	}
	o.failed[o.next] = failedClient{client, now}
	o.next = (o.next + 1) % failedClients
	return false
}

// HandshakeOK records an answer other than 5xx.
func (e *Endpoint) HandshakeOK() {
	v := e.vitals
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.rules.outlier.Ratio > 0 {
		v.outcomes.silent = 0
		v.outcomes.slot(time.Now(), v.rules.outlier.Window).ok++
	}
}

// HandshakeFailed records one that failed, for the reason given. A client counts once within the window, so that none can
// take an endpoint out by itself.
func (e *Endpoint) HandshakeFailed(client netip.Addr, reason string) {
	e.vitals.handshakeFailed(e, client, reason, false)
}

// SessionFailed records that one which had been answered well ended early after all, see Outlier.
func (e *Endpoint) SessionFailed(client netip.Addr, reason string) {
	e.vitals.takeBack()
	e.vitals.handshakeFailed(e, client, reason, false)
}

// takeBack forgets a good answer, the latest one.
func (v *vitals) takeBack() {
	v.mu.Lock()
	defer v.mu.Unlock()
	var latest *slot
	for i := range v.outcomes.slots {
		if s := &v.outcomes.slots[i]; s.ok > 0 && (latest == nil || s.span > latest.span) {
			latest = s
		}
	}
	if latest != nil {
		latest.ok--
	}
}

// HandshakeSilent records one without an answer in time. Three in a row are enough, whoever sent them: a process that is
// stopped answers nobody, and with any other a client's answer comes between.
func (e *Endpoint) HandshakeSilent(client netip.Addr) {
	e.vitals.handshakeFailed(e, client, "handshake: no answer in time", true)
}

func (v *vitals) handshakeFailed(e *Endpoint, client netip.Addr, reason string, silent bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.setback.note(reason)
	r, o, now := &v.rules.outlier, &v.outcomes, time.Now()
	if r.Ratio == 0 {
		return
	}
	o.silent++
	if !silent {
		o.silent = 0
	}
	if !o.repeated(client, now, r.Window) {
		o.slot(now, r.Window).bad++
	}
	ok, bad := o.sum(now, r.Window)
	if o.silent >= maxSilent || ok+bad >= r.Min && float64(bad) > r.Ratio*float64(ok+bad) {
		v.eject(e, now, reason)
	}
}

// eject takes the endpoint out for a while, if enough others are left. It is called under mu.
func (v *vitals) eject(e *Endpoint, now time.Time, reason string) {
	o, r := &v.outcomes, v.rules
	if v.retired || Cause(v.causes.Load())&CauseOutlier != 0 {
		return
	}
	if !r.ejects.may(func() bool { return r.spare(e) }, func() { v.hold(e, CauseOutlier, true, "outlier: "+reason) }) {
		return
	}
	base := r.outlier.Eject
	good := now.Sub(o.back)
	for 2*o.eject > base && good >= o.eject { // halved for each such time that it was good
		good -= o.eject
		o.eject /= 2
	}
	o.eject = min(max(2*o.eject, base), max(maxEject, base))
	o.unmet = strings.HasPrefix(reason, unmet)
	o.timer = time.AfterFunc(o.eject, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		if !v.retired {
			v.readmit(e, "tried again after it was taken out")
		}
	})
}

// unmet begins the reasons of handshakes for which no connection could be made.
const unmet = "connect: "

// readmit gives the endpoint another try. It is called under mu.
func (v *vitals) readmit(e *Endpoint, reason string) {
	o := &v.outcomes
	if o.timer != nil {
		o.timer.Stop()
	}
	*o = outcomes{eject: o.eject, back: time.Now()}
	v.hold(e, CauseOutlier, false, reason)
}

// ejects are the endpoints of a group that are taken out: one at a time is judged.
type ejects struct{ mu sync.Mutex }

func (x *ejects) may(spare func() bool, do func()) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !spare() {
		return false
	}
	do()
	return true
}

// spare tells whether the group can do without e as well.
func (g *Group) spare(e *Endpoint) bool {
	out, up, all := 0, 0, g.Endpoints()
	for _, other := range all {
		switch {
		case other.vitals == e.vitals:
		case other.Down(CauseOutlier):
			out++
		case other.Healthy():
			up++
		}
	}
	return up > 0 && (out == 0 || float64(out+1) <= g.options.Outlier.Max*float64(len(all)))
}
