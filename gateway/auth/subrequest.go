package auth

import (
	"context"
	"io"
	"net/http"
	"net/textproto"
	"net/url"

	"weir/codec/http1"
)

// maxCopied bounds what the fields copied from an answer hold, in bytes; as many are remembered as the table has room.
const maxCopied = 8 << 10

// shownFields are the client's fields that the service gets to see. Of them only one is surely a credential: a cookie may be
// another's.
var (
	shownFields  = [...]string{"Authorization", "Cookie"}
	forwardStrip = Strip{{Place: Header, Name: "Authorization"}}
)

// digest stands for all that the service would be told: what it could decide by must not be shared more widely.
func (f *forward) digest(r *Request) digest {
	b := make([]byte, 0, 512)
	b = appendPart(b, r.Method)
	b = appendPart(b, r.Host)
	b = appendPart(b, r.Target)
	b = appendPart(b, scheme(r))
	b = appendPart(b, r.Client.String())
	for i, name := range shownFields {
		for _, field := range r.Fields {
			if http1.Same(field.Name, name) {
				b = appendPart(append(b, byte(i)), field.Value)
			}
		}
	}
	return f.seal.of(b)
}

func scheme(r *Request) string {
	if r.TLS {
		return "https"
	}
	return "http"
}

// hasCredential tells whether any of the fields that the service is shown is there.
func hasCredential(r *Request) bool {
	for _, name := range shownFields {
		for _, field := range r.Fields {
			if http1.Same(field.Name, name) && len(field.Value) > 0 {
				return true
			}
		}
	}
	return false
}

// subrequest tells the service what Traefik's forwardAuth and others do. The client's own words on these never pass.
func (f *forward) subrequest(ctx context.Context, r *Request) *http.Request {
	h := make(http.Header, 5+len(shownFields))
	for _, name := range shownFields {
		for _, field := range r.Fields {
			if http1.Same(field.Name, name) {
				h.Add(name, string(field.Value))
			}
		}
	}
	h.Set("X-Forwarded-Method", string(r.Method))
	h.Set("X-Forwarded-Proto", scheme(r))
	h.Set("X-Forwarded-Host", string(r.Host))
	h.Set("X-Forwarded-Uri", string(r.Target))
	if r.Client.IsValid() {
		h.Set("X-Forwarded-For", r.Client.String())
	}
	u, _ := url.Parse(f.options.URL) // checked by New
	out := &http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	return out.WithContext(ctx)
}

// judge reads the service's answer. A redirect lets nobody in.
func (f *forward) judge(answer *http.Response, missing bool) (Outcome, *memory[Outcome]) {
	switch status := answer.StatusCode; {
	case status >= 200 && status < 300:
		id, ok := f.identity(answer.Header)
		if !ok {
			return refuse(Unavailable, "the auth service's fields are larger than 8 KiB"), nil
		}
		return Outcome{Identity: id}, f.good
	case status == http.StatusUnauthorized:
		why := Invalid
		if missing {
			why = Missing
		}
		for _, challenge := range answer.Header.Values("WWW-Authenticate") {
			if len(why.Header)+len(challenge) <= 1024 && fitsField(challenge) {
				why = with(why, challenge)
			}
		}
		if why.Header == "" {
			why = with(why, bearerChallenge)
		}
		return Outcome{Refusal: why, Missing: missing, Detail: "the auth service said 401"}, f.refused
	case status == http.StatusForbidden:
		return Outcome{Refusal: Forbidden, Missing: missing, Detail: "the auth service said 403"}, f.refused
	case status >= 500:
		return refuse(Unavailable, "the auth service failed"), nil
	}
	return refuse(Unavailable, "the auth service gave an answer that is neither 2xx, 401 nor 403"), nil
}

func (f *forward) identity(h http.Header) (id *Identity, ok bool) {
	id = &Identity{Subject: h.Get(f.options.SubjectHeader), Strip: forwardStrip}
	size := len(id.Subject)
	for _, name := range f.options.ResponseHeaders {
		for _, value := range h[textproto.CanonicalMIMEHeaderKey(name)] {
			if size += len(name) + len(value); fitsField(value) {
				id.Fields = append(id.Fields, http1.Field{Name: []byte(name), Value: []byte(value)})
			}
		}
	}
	return id, size <= maxCopied
}

// drain reads a short body, so that the connection can serve again.
func drain(answer *http.Response) {
	_, _ = io.CopyN(io.Discard, answer.Body, 4<<10)
	answer.Body.Close()
}
