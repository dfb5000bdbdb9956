package session

import (
	"strings"

	"weir/gateway/observe"
	"weir/gateway/web"
)

// logAsked copies what the lines of a session tell of its request, whose bytes are gone by the answer.
func (s *session) logAsked(requestID string) {
	if h := s.hs; s.lane.shard.proc.Access.On() {
		h.host, h.path = observe.Clipped(h.request.Host), observe.Clipped(h.request.Path)
		h.agent, h.trace, h.requestID = observe.Short(h.request.Get("user-agent")), observe.Short(h.request.Get("traceparent")), strings.Clone(requestID)
	}
}

func (s *session) logOpened() {
	if a := s.lane.shard.proc.Access; a.On() {
		a.Write(&observe.Line{Event: "open", Client: s.from(), Route: s.lane.route.Name, Endpoint: s.endpoint().Name, Host: s.hs.host, Path: s.hs.path,
			User: s.user(), RequestID: s.hs.requestID, Agent: s.hs.agent, Trace: s.hs.trace, Lasted: s.loop().Now() - s.opened})
	}
}

func (s *session) logClosed(e *ending) {
	if a := s.lane.shard.proc.Access; a.On() {
		a.Write(&observe.Line{Event: "close", Client: s.from(), Endpoint: s.endpoint().Name, User: s.user(), Reason: e.reason, Code: int(e.code),
			MidFrame: e.midFrame, Rtt: s.rtt, Up: s.up.bytes, Down: s.down.bytes, Lasted: s.loop().Now() - s.opened})
	}
}

func (s *session) logRefused(status int, reason string) {
	a := s.lane.shard.proc.Access
	if !a.On() {
		return
	}
	l := &observe.Line{Event: "refuse", Client: s.from(), User: s.user(), Status: status, Reason: reason}
	if r := s.lane.route; r != nil {
		l.Route = r.Name
	}
	if h := s.hs; h != nil {
		l.Host, l.Path, l.Origin, l.Detail = h.host, h.path, h.origin, h.detail
		l.RequestID, l.Agent, l.Trace = h.requestID, h.agent, h.trace
		if h.to != nil {
			l.Route = h.to.Name
		}
		if e := h.trail.Endpoint; e != nil {
			l.Endpoint, l.Detail = e.Name, h.trail.Reason
		}
	}
	a.Write(l)
}

// user is who was let in; "": nobody is told apart.
func (s *session) user() string {
	if s.extra == nil || s.extra.who == nil {
		return ""
	}
	return s.extra.who.Subject
}

// logPlain is for requests that asked for no WebSocket.
func (p *Process) logPlain(l web.Line) {
	if a := p.Access; a.On() {
		a.Write(&observe.Line{Event: "http", Client: l.Client, Route: l.Route, Endpoint: l.Endpoint, Method: observe.Clipped(l.Method), Host: observe.Clipped(l.Host), Path: observe.Clipped(l.Path),
			User: l.User, RequestID: l.RequestID, Agent: observe.Short(l.UserAgent), Trace: observe.Short(l.TraceParent), Status: l.Status, Reason: l.Reason, Detail: l.Detail, Up: l.BytesUp, Down: l.BytesDown, Lasted: l.Duration})
	}
}
