package session

import (
	"bytes"
	"context"

	"github.com/gobwas/ws"

	"weir/codec/frame"
	"weir/codec/http1"
	"weir/gateway/auth"
	"weir/gateway/config"
	"weir/gateway/plan"
	"weir/gateway/rate"
	"weir/gateway/reasons"
)

// authenticate has a handshake's credential checked: at once where that needs nobody else, else on a goroutine, while the client is
// not read. There are so many at once, and of them each address may have as many as are still free.
func (s *session) authenticate(to *plan.Route, q *plan.Question, b []byte, n int) {
	h, p := s.hs, s.lane.shard.proc
	r := plan.Credential(&h.request, q)
	out, done := to.Gate.Auth.Now(&r)
	if done {
		s.authenticated(to, q, out, b[n:])
		return
	}
	client := r.Client
	if !p.credentialChecks.Enter(client) {
		s.refuse(auth.Unavailable)
		return
	}
	h.keep(b)
	s.phase = authenticating
	s.client.Pause()
	copied, loop := r.Clone(), s.loop()
	ctx, cancel := context.WithTimeout(p.Running, s.cfg().HandshakeTimeout)
	h.stop = cancel // a client that leaves waits for nobody
	go func() {
		defer cancel()
		out := to.Gate.Auth.Wait(ctx, copied)
		p.credentialChecks.Leave(client)
		_ = loop.Post(func() { s.resume(h, n, out) }) // a stopped loop has ended the session
	}()
}

// resume goes on with a handshake whose credential somebody else has looked at.
func (s *session) resume(h *handshake, n int, out auth.Outcome) {
	if s.phase != authenticating || s.hs != h {
		return // the client has left, or waited too long
	}
	s.phase = greeting
	s.client.Resume()
	b := h.head.B
	h.request.Reset()
	if _, why := h.request.Parse(b, s.lane.plan.HeadLimits); why != nil {
		s.refuse(why)
		return
	}
	q := h.question(s)
	to, why := s.lane.plan.Find(&q)
	if why == nil {
		h.asksOther(to, &q)
		why = h.check()
	}
	if why != nil {
		s.refuse(why)
		return
	}
	s.authenticated(to, &q, out, b[n:])
}

func (s *session) authenticated(to *plan.Route, q *plan.Question, out auth.Outcome, early []byte) {
	s.hs.detail = out.Detail
	switch {
	case out.Refusal == nil && s.hs.wasClosed(out.Identity):
		s.refuse(reasons.RefusedByAdmin)
	case out.Refusal == nil:
		s.ask(to, q, out.Identity, early)
	case to.Config.AuthRefusal == config.RefuseClose && s.hs.other == "":
		s.refuseOpen(to.Config, out, early)
	default:
		s.refuse(out.Refusal)
	}
}

// refuseOpen takes the WebSocket and closes it at once with a code that a page can read. TCP ends when the client has answered.
func (s *session) refuseOpen(cfg *config.Config, out auth.Outcome, early []byte) {
	sh := s.lane.shard
	code := ws.StatusCode(cfg.AuthInvalidCode)
	switch {
	case out.Missing:
		code = ws.StatusCode(cfg.AuthMissingCode)
	case out.Refusal.Status == 503 || out.Refusal == auth.TooMany:
		code = ws.StatusCode(cfg.AuthUnavailableCode)
	}
	accept, fields := http1.Accept(s.hs.request.Key), offered(&s.hs.request)
	s.phase = refusing
	sh.refused(s, out.Refusal)
	sh.scratch = http1.AppendSwitching(sh.scratch[:0], accept[:], fields)
	sh.scratch = frame.AppendClose(sh.scratch, code, out.Refusal.Reason, nil)
	s.client.Write(sh.scratch)
	s.down.closed = true
	s.awaitEnd()
	s.dropUp(early)
	s.dropHandshake()
}

// offered selects the first subprotocol that a client offers, if any: a browser takes no WebSocket that selects none.
func offered(r *http1.Request) []http1.Field {
	list, _, _ := bytes.Cut(r.Get(protocolField), []byte(","))
	if list = bytes.TrimSpace(list); len(list) == 0 {
		return nil
	}
	return []http1.Field{{Name: []byte(protocolField), Value: bytes.Clone(list)}}
}

const protocolField = "Sec-WebSocket-Protocol"

// know keeps what counts of who was let in.
func (s *session) know(who *auth.Identity) {
	m := s.extraOf()
	m.who, m.expires, m.user = who, who.Expires, rate.StringKey(who.Subject)
}

// selectProtocol answers a client whose token was offered as a subprotocol, where the backend has seen none of it:
// browsers give a connection up whose offers are not answered.
func (s *session) selectProtocol(fields []http1.Field) []http1.Field {
	if s.extra == nil || s.extra.who == nil || s.extra.who.Protocol == "" || !s.cfg().AuthStrip {
		return fields
	}
	for _, f := range fields {
		if http1.Same(f.Name, protocolField) {
			return fields
		}
	}
	return append(fields, http1.Field{Name: []byte(protocolField), Value: []byte(s.extra.who.Protocol)})
}
