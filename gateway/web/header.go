package web

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"weir/codec/http1"
	"weir/upstream"
)

// rewrite makes the endpoint's request of the client's.
func (x *exchange) rewrite(p *httputil.ProxyRequest) {
	in, out, rules := p.In, p.Out, x.plan.Rules
	_, trailers := out.Header["Te"] // the proxy has left "trailers" and nothing else
	out.Header = in.Header.Clone()
	out.Host = rules.ForwardHeader(out.Header, in.Host, x.from, &x.spelling)
	for _, f := range x.told {
		out.Header.Add(x.spelling.Note(string(f.Name)), string(f.Value))
	}
	if trailers {
		out.Header.Set("Te", "trailers")
	}
	out.URL = x.target
	x.announce(out)
}

// rewritten is the target to ask for: the client's, byte for byte but for the route's rewriting. Package url would
// write some paths in another way than they came, and the endpoint see another than the one that was checked. Nil: it
// cannot be kept from that.
func (x *exchange) rewritten() *url.URL {
	path, query, asked := strings.Cut(x.request.RequestURI, "?")
	if x.plan.Rewrite != nil {
		path = x.plan.Rewrite(path)
	}
	u := &url.URL{Opaque: path, RawQuery: query, ForceQuery: asked}
	if strings.HasPrefix(path, "//") { // an opaque one would be sent in absolute form
		u.Opaque, u.RawPath = "", path
		u.Path, _ = url.PathUnescape(path)
		if u.EscapedPath() != path {
			return nil
		}
	}
	return u
}

// announce has those trailers passed on that the client announced, and that might pass as header fields.
func (x *exchange) announce(out *http.Request) {
	in := x.request
	out.Trailer = nil
	if len(in.Trailer) == 0 || in.ContentLength >= 0 {
		return
	}
	passing := make(http.Header, len(in.Trailer))
	for name := range in.Trailer {
		passing[name] = []string{""}
	}
	x.plan.Rules.ForwardHeader(passing, in.Host, x.from, new(http1.Spelling))
	trailer := make(http.Header, len(in.Trailer))
	for name := range in.Trailer {
		if v := passing[name]; len(v) == 1 && v[0] == "" {
			trailer[name] = nil
		}
	}
	out.Trailer = trailer
	x.upload.atEnd = func() { // on the goroutine that sends them next
		for name := range trailer {
			trailer[name] = in.Trailer[name]
		}
	}
}

// shape makes the client's answer of the endpoint's.
func (x *exchange) shape(res *http.Response) error {
	if res.StatusCode == http.StatusSwitchingProtocols {
		return upstream.RefusedAnswer // nobody asked for that
	}
	if lengths := res.Header["Content-Length"]; len(lengths) > 0 { // over HTTP/2 net/http does not look at them
		length, ok := http1.OneLength(lengths)
		if !ok {
			return upstream.RefusedAnswer
		}
		res.Header["Content-Length"] = []string{length}
	}
	p, e := x.plan, x.endpoint
	sp := &x.answer.spelling
	if x.head != nil {
		*sp = x.head.spelling
	}
	p.Rules.AnswerHeader(res.Header, sp)
	if _, told := res.Header["Content-Type"]; !told {
		x.answer.Header()["Content-Type"] = nil // or net/http would guess one
	}
	if p.EndpointHeader != "" {
		res.Header.Set(sp.Note(p.EndpointHeader), e.Name)
	}
	if p.Sticky != nil && e.ID() != x.prefer {
		res.Header.Add("Set-Cookie", p.Sticky.SetCookie(e.ID(), time.Now(), x.from.TLS))
	}
	return nil
}

// cookie is the ID of the endpoint that the client was told to stay at; 0 if there is none.
func (x *exchange) cookie() (id uint64) {
	if x.plan.Sticky == nil {
		return 0
	}
	c, err := x.request.Cookie(x.plan.Sticky.Name())
	if err != nil {
		return 0
	}
	id, _ = x.plan.Sticky.Read([]byte(c.Value), time.Now())
	return id
}
