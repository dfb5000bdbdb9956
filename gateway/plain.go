package gateway

import (
	"context"
	"net/http"
	"strings"

	"weir/codec/http1"
	"weir/gateway/auth"
	"weir/gateway/config"
	"weir/gateway/web"
)

// findPlain is direct for a request that net/http has parsed. Of its fields those are dropped that backends are not to see.
func (p *plan) findPlain(r *http.Request, c *web.Client) (found web.Found, why *http1.Refusal) {
	q := plainQuestion(r, c, p.originPlain(r, c))
	found.RequestID = q.from.RequestID
	to, why := p.direct(&q)
	if to != nil {
		found.Route, found.Owner = to.name, to
	}
	switch {
	case why != nil:
		return found, why
	case to.plan == nil:
		return found, http1.NotUpgrade
	}
	found.Plan, found.From = to.plan, q.from
	var fields []http1.Field // nil where nothing of them is checked or dropped
	var who *auth.Identity
	if to.gate.auth != nil || len(to.gate.claimed) > 0 {
		fields = fieldsOf(r.Header)
	}
	switch {
	case to.gate.auth == nil:
	case to.cfg.AuthPreflight != config.PreflightCheck && isPreflight(r):
		who = to.gate.auth.Unproved()
	default:
		out := p.provePlain(to, r, &q, fields)
		if out.Refusal != nil {
			found.Detail = out.Detail
			return found, out.Refusal
		}
		who = out.Identity
		found.Fields = who.Fields
	}
	if who != nil {
		found.User = who.Subject
	}
	if found.RequestID == "" {
		found.RequestID = newRequestID()
	}
	found.Key = to.hashKey(q.from.Addr, q.path, q.asks, who)
	if fields != nil {
		to.cleanPlain(r, fields, who)
	}
	return found, nil
}

func plainQuestion(r *http.Request, c *web.Client, from http1.From) question {
	q := question{method: []byte(r.Method), host: []byte(r.Host), asks: plainAsker{r}, from: from, state: c.TLS, terms: c.Terms}
	q.path, q.query = splitTarget(r)
	return q
}

func (p *plan) originPlain(r *http.Request, c *web.Client) http1.From {
	from := http1.OriginHeader(r.Header, c.Peer.Addr(), c.TLS != nil, p.believed(c.Nameless))
	from.Identity = p.identity(r.Host, c.TLS)
	return from
}

// splitTarget gives path and query as they were sent, and not as package url would write them; query is nil without one.
func splitTarget(r *http.Request) (path, query []byte) {
	p, q, asked := strings.Cut(r.RequestURI, "?")
	if asked {
		query = []byte(q)
	}
	return []byte(p), query
}

// plainAsker shows a request of net/http as one of our own.
type plainAsker struct{ *http.Request }

func (r plainAsker) Get(name string) []byte {
	if strings.EqualFold(name, "host") {
		return []byte(r.Host)
	}
	if v := r.Header.Values(name); len(v) > 0 {
		return []byte(v[0])
	}
	return nil
}

func (r plainAsker) Cookie(name string) []byte {
	var q http1.Request // read as a handshake's
	for _, v := range r.Header["Cookie"] {
		q.Fields = append(q.Fields, http1.Field{Name: []byte("Cookie"), Value: []byte(v)})
	}
	return q.Cookie(name)
}

func (r plainAsker) QueryParam(name string) []byte {
	var q http1.Request
	_, q.Query = splitTarget(r.Request)
	return q.QueryParam(name)
}

// provePlain checks the credential of a plain request, on whose goroutine it may wait.
func (p *plan) provePlain(to *route, r *http.Request, q *question, fields []http1.Field) auth.Outcome {
	ask := auth.Request{Method: []byte(r.Method), Host: q.host, Target: []byte(r.RequestURI), Path: q.path, Query: q.query, Fields: fields,
		Client: q.from.Addr, TLS: q.from.TLS}
	ctx, cancel := context.WithTimeout(r.Context(), p.cfg.HandshakeTimeout)
	defer cancel()
	return to.gate.auth.Wait(ctx, &ask)
}

// cleanPlain takes out of a request what backends are not to see of it. Its target stays as it was sent, and checked, but
// for a credential: package url would write some in another way.
func (r *route) cleanPlain(q *http.Request, fields []http1.Field, who *auth.Identity) {
	clean, target := r.clean(fields, []byte(q.RequestURI), who)
	q.RequestURI = string(target)
	clear(q.Header)
	for _, f := range clean {
		q.Header.Add(string(f.Name), string(f.Value))
	}
	for name := range q.Trailer {
		if r.gate.isClaimed([]byte(name)) {
			delete(q.Trailer, name)
		}
	}
}

func fieldsOf(h http.Header) []http1.Field {
	fields := make([]http1.Field, 0, len(h))
	for name, values := range h {
		for _, v := range values {
			fields = append(fields, http1.Field{Name: []byte(name), Value: []byte(v)})
		}
	}
	return fields
}
