package upstream

import "time"

// setback is the last thing that went wrong with an endpoint, whether or not that changed its state.
type setback struct {
	reason string
	at     time.Time
}

func (s *setback) note(reason string) { s.reason, s.at = reason, time.Now() }

// LastError tells the last failed connect or check, or what broke a pooled connection, and when; "" if nothing has.
func (e *Endpoint) LastError() (reason string, at time.Time) {
	v := e.vitals
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.setback.reason, v.setback.at
}

// losses are pooled connections that broke with sessions on them, gathered for lossSpan, so that an endpoint that
// goes with many of them is told of once.
type losses struct {
	connections, sessions int
	reason                string // of the first
	due                   *time.Timer
}

const lossSpan = time.Second

// lost counts a pooled connection that broke.
func (v *vitals) lost(e *Endpoint, sessions int, reason string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if sessions == 0 || v.retired {
		return // nobody minds
	}
	v.setback.note("lost: " + reason)
	l := &v.losses
	l.connections++
	l.sessions += sessions
	if l.connections == 1 {
		l.reason = reason
		l.due = time.AfterFunc(lossSpan, func() { v.tellLosses(e) })
	}
}

func (v *vitals) tellLosses(e *Endpoint) {
	v.mu.Lock()
	l, r := v.losses, v.rules
	v.losses = losses{}
	v.mu.Unlock()
	r.lost(e, l.connections, l.sessions, l.reason)
}
