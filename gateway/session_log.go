package gateway

import (
	"strings"
	"weir/gateway/observe"
)

// logAsked copies what the lines of a session tell of its request, whose bytes are gone by the answer.
func (s *session) logAsked(requestID string) {
	if h := s.hs; s.lane.shard.proc.access.on() {
		h.host, h.path = observe.Clipped(h.request.Host), observe.Clipped(h.request.Path)
		h.agent, h.trace, h.requestID = observe.Short(h.request.Get("user-agent")), observe.Short(h.request.Get("traceparent")), strings.Clone(requestID)
	}
}

func (s *session) logOpened() {
	if a := s.lane.shard.proc.access; a.on() {
		a.write(&line{event: "open", client: s.from(), route: s.lane.route.name, endpoint: s.endpoint().Name, host: s.hs.host, path: s.hs.path,
			user: s.user(), requestID: s.hs.requestID, agent: s.hs.agent, trace: s.hs.trace, lasted: s.loop().Now() - s.opened})
	}
}

func (s *session) logClosed(e *ending) {
	if a := s.lane.shard.proc.access; a.on() {
		a.write(&line{event: "close", client: s.from(), endpoint: s.endpoint().Name, user: s.user(), reason: e.reason, code: int(e.code),
			midFrame: e.midFrame, rtt: s.rtt, up: s.up.bytes, down: s.down.bytes, lasted: s.loop().Now() - s.opened})
	}
}

func (s *session) logRefused(status int, reason string) {
	a := s.lane.shard.proc.access
	if !a.on() {
		return
	}
	l := &line{event: "refuse", client: s.from(), user: s.user(), status: status, reason: reason}
	if r := s.lane.route; r != nil {
		l.route = r.name
	}
	if h := s.hs; h != nil {
		l.host, l.path, l.origin, l.detail = h.host, h.path, h.origin, h.detail
		l.requestID, l.agent, l.trace = h.requestID, h.agent, h.trace
		if h.to != nil {
			l.route = h.to.name
		}
		if e := h.trail.Endpoint; e != nil {
			l.endpoint, l.detail = e.Name, h.trail.Reason
		}
	}
	a.write(l)
}

// user is who was let in; "": nobody is told apart.
func (s *session) user() string {
	if s.extra == nil || s.extra.who == nil {
		return ""
	}
	return s.extra.who.Subject
}
