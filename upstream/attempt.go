package upstream

import (
	"slices"
	"strconv"
	"sync"

	"weir/codec/http1"
	"weir/netpoll"
)

// Attempt is a request on its way to an answer, from one endpoint or, if that cannot be connected to, another.
// It lives until the sink has heard OnAnswer or OnRefused, or until Cancel.
type Attempt struct {
	links    *Links
	sink     Sink
	request  Request // views of text
	text     []byte
	fields   []http1.Field
	tried    []*Endpoint
	endpoint *Endpoint // under trial; counts this attempt as load
	way      way
	timer    netpoll.Timer
	sent     bool // the endpoint has the request, so no other may get it
	moved    bool // to another connection of the same pool
}

// way is what an attempt waits for: a tunnel, a place in a pool, or a stream of one.
type way interface {
	// abandon ends it without a word to the attempt or the sink.
	abandon()
}

var attempts = sync.Pool{New: func() any { return new(Attempt) }}

// free gives the attempt back. The endpoint's load has gone over to a stream by now, or was released.
func (a *Attempt) free() {
	a.links.loop.Cancel(&a.timer)
	clear(a.tried)
	clear(a.fields)
	*a = Attempt{text: a.text[:0], fields: a.fields[:0], tried: a.tried[:0]}
	attempts.Put(a)
}

// copy keeps what r lends.
func (a *Attempt) copy(r *Request) {
	size := len(r.Method) + len(r.Target) + len(r.Host) + len(r.WebSocketKey)
	for _, f := range r.Fields {
		size += len(f.Name) + len(f.Value)
	}
	if cap(a.text) < size {
		a.text = make([]byte, 0, size) // at once, since what was appended is pointed to
	}
	keep := func(b []byte) []byte {
		n := len(a.text)
		a.text = append(a.text, b...)
		return a.text[n:len(a.text):len(a.text)]
	}
	for _, f := range r.Fields {
		a.fields = append(a.fields, http1.Field{Name: keep(f.Name), Value: keep(f.Value)})
	}
	a.request = *r
	a.request.Method, a.request.Target, a.request.Host, a.request.WebSocketKey = keep(r.Method), keep(r.Target), keep(r.Host), keep(r.WebSocketKey)
	a.request.Fields = a.fields
}

// Cancel ends the attempt since nobody waits for it any more.
func (a *Attempt) Cancel() {
	a.drop()
	a.free()
}

// drop leaves the endpoint under trial.
func (a *Attempt) drop() {
	if a.way != nil {
		a.way.abandon()
		a.way = nil
	}
	if a.endpoint != nil {
		a.endpoint.Release()
		a.endpoint = nil
	}
}

// try goes to the next endpoint that deserves it; a refusal says that there is none.
func (a *Attempt) try() *http1.Refusal {
	g := a.links.dialer.Group
	if e := a.preferred(); e != nil && e.Acquire() {
		return a.at(e)
	}
	for {
		e, full := a.pick(g)
		switch {
		case full:
			return RefusedFull
		case e == nil:
			return RefusedNoEndpoint
		case e.Acquire(): // or other loops were faster
			return a.at(e)
		}
	}
}

// pick chooses among those that were not tried, that to be avoided last.
func (a *Attempt) pick(g *Group) (e *Endpoint, full bool) {
	if avoid := a.request.Avoid; avoid != nil {
		if avoid = g.ByID(avoid.id); avoid != nil && !slices.Contains(a.tried, avoid) {
			if e, _ = g.Pick(a.request.Key, append(a.tried, avoid)); e != nil {
				return e, false
			}
		}
	}
	return g.Pick(a.request.Key, a.tried)
}

// mayRetry tells whether one more endpoint may be tried.
func (a *Attempt) mayRetry() bool {
	d := a.links.dialer
	return len(a.tried) <= d.Retries && d.Group.MayRetry()
}

// preferred is the endpoint that the request asks for first, whatever its load; nil once tried, or if it is not well.
func (a *Attempt) preferred() *Endpoint {
	if a.request.Prefer == 0 || len(a.tried) > 0 {
		return nil
	}
	e := a.links.dialer.Group.ByID(a.request.Prefer)
	if e == nil || !e.Healthy() {
		return nil
	}
	return e
}

// at asks one endpoint, which counts the attempt already, by the way its scheme says.
func (a *Attempt) at(e *Endpoint) *http1.Refusal {
	a.tried = append(a.tried, e)
	a.endpoint, a.sent = e, false
	if t := a.request.Trail; t != nil {
		*t = Trail{Endpoint: e}
	}
	a.links.loop.Schedule(&a.timer, a.links.dialer.ConnectTimeout, a)
	if e.pooled() {
		return a.links.pool(e).join(a)
	}
	err := dialTunnel(a)
	if err == nil {
		return nil
	}
	return a.unreached(err)
}

// unreached deals with a connect that could not even begin.
func (a *Attempt) unreached(err error) *http1.Refusal {
	a.note(err.Error())
	switch why := Exhausted(err, a.endpoint.Addr); why {
	case nil:
		a.connectFailed(err.Error())
		return a.elsewhere(RefusedConnect)
	case RefusedSockets: // and none for another endpoint
		a.drop()
		return why
	default:
		return a.elsewhere(why)
	}
}

// elsewhere leaves the endpoint for another one. With none left, why is the answer.
func (a *Attempt) elsewhere(why *http1.Refusal) *http1.Refusal {
	a.drop()
	if !a.mayRetry() {
		return why
	}
	if again := a.try(); again != RefusedNoEndpoint && again != RefusedFull {
		return again
	}
	return why
}

// failed tells that the endpoint could not be connected to.
func (a *Attempt) failed(reason string, why *http1.Refusal) {
	a.note(reason)
	a.connectFailed(reason)
	a.reroute(why)
}

// connectFailed counts it against the endpoint.
func (a *Attempt) connectFailed(reason string) {
	a.endpoint.ConnectFailed(reason)
	a.endpoint.HandshakeFailed(a.request.Client, unmet+reason)
}

// note keeps what the endpoint failed of, for whoever wants to know.
func (a *Attempt) note(reason string) {
	if t := a.request.Trail; t != nil {
		t.Reason = reason
	}
}

// reroute tries elsewhere, for a reason that does not count against the endpoint.
func (a *Attempt) reroute(why *http1.Refusal) {
	if why := a.elsewhere(why); why != nil {
		a.refuse(why)
	}
}

// refuse is the end of an attempt without an answer.
func (a *Attempt) refuse(why *http1.Refusal) {
	sink := a.sink
	a.drop()
	a.free()
	sink.OnRefused(why)
}

// OnTimer is the end of the connect timeout, or of the answer timeout once the request was sent.
func (a *Attempt) OnTimer(*netpoll.Timer) {
	if a.sent {
		a.endpoint.HandshakeSilent(a.request.Client)
		a.refuse(RefusedSilent)
		return
	}
	if _, waits := a.way.(seat); waits {
		a.reroute(RefusedSlow) // a connection that was begun has a timeout of its own, which counts
		return
	}
	a.failed(a.endpoint.timedOut(), RefusedSlow)
}

// again asks the same endpoint once more, by another connection.
func (a *Attempt) again() {
	e := a.endpoint
	e.vitals.load.Active.Add(1) // it keeps its place
	a.drop()
	a.tried = a.tried[:len(a.tried)-1]
	if why := a.at(e); why != nil {
		a.refuse(why)
	}
}

// move leaves a connection that did not act on the request for another one to the same endpoint, and the next
// time for another endpoint.
func (a *Attempt) move() {
	if a.moved {
		a.reroute(RefusedConnect)
		return
	}
	a.moved = true
	a.again()
}

// asked says that the endpoint has the request.
func (a *Attempt) asked() {
	a.sent = true
	a.links.loop.Schedule(&a.timer, a.links.dialer.AnswerTimeout, a)
}

// hand gives the load over to the stream that got an answer of the status, and ends the attempt.
func (a *Attempt) hand(status int) {
	if status >= 500 {
		a.endpoint.HandshakeFailed(a.request.Client, "handshake: status "+strconv.Itoa(status))
	} else {
		a.endpoint.HandshakeOK()
	}
	a.way, a.endpoint = nil, nil
	a.free()
}
