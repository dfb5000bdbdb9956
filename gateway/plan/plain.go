package plan

import (
	"context"
	"net/http"
	"strings"

	"weir/codec/http1"
	"weir/gateway/auth"
	"weir/gateway/config"
	"weir/gateway/observe"
	"weir/gateway/web"
)

// FindPlain is direct for a request that net/http has parsed. Of its fields those are dropped that backends are not to see.
func (p *Plan) FindPlain(r *http.Request, c *web.Client) (found web.Found, why *http1.Refusal) {
	q := plainQuestion(r, c, p.OriginPlain(r, c))
	found.RequestID = q.From.RequestID
	to, why := p.Find(&q)
	if to != nil {
		found.Route, found.Owner = to.Name, to
	}
	switch {
	case why != nil:
		return found, why
	case to.Plain == nil:
		return found, http1.NotUpgrade
	}
	found.Plan, found.From = to.Plain, q.From
	var fields []http1.Field // nil where nothing of them is checked or dropped
	var who *auth.Identity
	if to.Gate.Auth != nil || len(to.Gate.claimed) > 0 {
		fields = fieldsOf(r.Header)
	}
	switch {
	case to.Gate.Auth == nil:
	case to.Config.AuthPreflight != config.PreflightCheck && isPreflight(r):
		who = to.Gate.Auth.Unproved()
	default:
		out := p.authenticatePlain(to, r, &q, fields)
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
		found.RequestID = observe.NewRequestID()
	}
	found.Key = to.HashKey(q.From.Addr, q.Path, q.Asks, who)
	if fields != nil {
		to.cleanPlain(r, fields, who)
	}
	return found, nil
}

func plainQuestion(r *http.Request, c *web.Client, from http1.From) Question {
	q := Question{Method: []byte(r.Method), Host: []byte(r.Host), Asks: plainAsker{r}, From: from, State: c.TLS, Terms: c.Terms}
	q.Path, q.Query = splitTarget(r)
	return q
}

func (p *Plan) OriginPlain(r *http.Request, c *web.Client) http1.From {
	from := http1.OriginHeader(r.Header, c.Peer.Addr(), c.TLS != nil, p.Trusts(c.Nameless))
	from.Identity = p.Identity(r.Host, c.TLS)
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

// authenticatePlain checks the credential of a plain request, on whose goroutine it may wait.
func (p *Plan) authenticatePlain(to *Route, r *http.Request, q *Question, fields []http1.Field) auth.Outcome {
	ask := auth.Request{Method: []byte(r.Method), Host: q.Host, Target: []byte(r.RequestURI), Path: q.Path, Query: q.Query, Fields: fields,
		Client: q.From.Addr, TLS: q.From.TLS}
	ctx, cancel := context.WithTimeout(r.Context(), p.Config.HandshakeTimeout)
	defer cancel()
	return to.Gate.Auth.Wait(ctx, &ask)
}

// cleanPlain takes out of a request what backends are not to see of it. Its target stays as it was sent, and checked, but
// for a credential: package url would write some in another way.
func (r *Route) cleanPlain(q *http.Request, fields []http1.Field, who *auth.Identity) {
	clean, target := r.Clean(fields, []byte(q.RequestURI), who)
	q.RequestURI = string(target)
	clear(q.Header)
	for _, f := range clean {
		q.Header.Add(string(f.Name), string(f.Value))
	}
	for name := range q.Trailer {
		if r.Gate.isClaimed([]byte(name)) {
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
