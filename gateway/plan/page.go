package plan

import (
	"net/http"

	"weir/codec/http1"
	"weir/gateway/routing"
	"weir/gateway/web"
)

// What pages of other sites need of plain requests: that their preflights pass, and that they can read a refusal.

// isPreflight tells whether a browser asks whether a page may ask (fetch.spec.whatwg.org, "CORS-preflight fetch"). What
// brings a credential or a body is none.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && len(r.Header["Origin"]) == 1 && len(r.Header["Access-Control-Request-Method"]) == 1 &&
		r.Header["Authorization"] == nil && r.Header["Cookie"] == nil && r.ContentLength == 0
}

var (
	allowOrigin      = []byte("Access-Control-Allow-Origin")
	allowCredentials = http1.Field{Name: []byte("Access-Control-Allow-Credentials"), Value: []byte("true")}
	varyOrigin       = http1.Field{Name: []byte("Vary"), Value: []byte("Origin")}
)

// CORSFields gives the fields by which a page can read a refusal; none unless the route's origins allow it. Credentials do not
// come along from just any page.
func (d *gate) CORSFields(page []byte, pages int, host []byte, tls bool) []http1.Field {
	if pages == 0 || len(d.pages) == 0 || !d.origins.Allows(page, pages, host, tls) {
		return nil
	}
	fields := []http1.Field{{Name: allowOrigin, Value: []byte(string(page))}, varyOrigin}
	if d.origins.Names(page, host, tls) {
		fields = append(fields, allowCredentials)
	}
	return fields
}

// DressPlain is the same for a request that net/http has parsed. Its route is looked for where it was refused before that.
func (p *Plan) DressPlain(r *http.Request, c *web.Client, from http1.From, owner any, why *http1.Refusal) *http1.Refusal {
	to, known := owner.(*Route)
	q := plainQuestion(r, c, from)
	if !known {
		i, out := p.table.Choose(q.subject())
		if out != routing.Taken {
			return why
		}
		to = p.Routes[i]
	}
	var page []byte
	pages := r.Header["Origin"]
	if len(pages) > 0 {
		page = []byte(pages[0])
	}
	return to.Headers.Refuse(why, to.Gate.CORSFields(page, len(pages), q.OriginHost(), from.TLS))
}
