package plan

import (
	"crypto/tls"
	"net/netip"
	"strings"

	"weir/codec/http1"
	"weir/gateway/reasons"
	"weir/gateway/routing"
)

// Question is a request of either kind, as far as it decides where that may go.
type Question struct {
	Method, Host, Path, Query []byte
	Asks                      asker
	From                      http1.From
	State                     *tls.ConnectionState // of the client's connection; nil in clear
	Terms                     string               // that a kept connection was made under; "": it was made under the plan's
	Upgrade                   bool
}

func (q *Question) subject() *routing.Subject {
	return &routing.Subject{Method: q.Method, Host: q.Host, Path: q.Path, Query: q.Query, Fields: q.Asks}
}

// Find finds the route of a request, and says why it may not take it. A refusal comes without a route where none was found.
func (p *Plan) Find(q *Question) (*Route, *http1.Refusal) {
	if q.Terms != "" && q.Terms != p.TLSTermsOf(q.State) {
		return nil, reasons.RefusedTerms
	}
	if p.Certs != nil && !p.Certs.Permits(string(q.Host), q.State) {
		if q.State == nil {
			return nil, reasons.RefusedInsecure
		}
		return nil, reasons.RefusedName
	}
	i, out := p.table.Choose(q.subject())
	switch out {
	case routing.Unclear:
		return nil, reasons.RefusedPath
	case routing.Unserved:
		return nil, reasons.RefusedNoRoute
	}
	r := p.Routes[i]
	switch {
	case !q.From.TLS && r.Config.RequireTLS != "off":
		return r, r.insist(q)
	case !r.Gate.allowsAddress(q.From.Addr):
		return r, reasons.RefusedAddress
	}
	return r, nil
}

// TLSTermsOf are the rules for client certificates that the plan has for a connection; "" in clear.
func (p *Plan) TLSTermsOf(state *tls.ConnectionState) string {
	if state == nil || p.Certs == nil {
		return ""
	}
	return p.Certs.Terms(state.ServerName)
}

// insist answers a request in clear where TLS is required.
func (r *Route) insist(q *Question) *http1.Refusal {
	if r.Config.RequireTLS != "redirect" || q.Upgrade {
		return reasons.RefusedInsecure
	}
	host := q.Host
	if q.From.Host != nil {
		host = q.From.Host
	}
	if len(host) == 0 { // HTTP/1.0 need not say
		return reasons.RefusedInsecure
	}
	target := string(q.Path)
	if q.Query != nil {
		target += "?" + string(q.Query)
	}
	name := hostName(string(host))
	to := *reasons.RedirectedToTLS
	to.Header = "Location: https://" + name + target + "\r\n"
	return &to
}

// hostName is a Host field without its port.
func hostName(host string) string {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		return host[:i]
	}
	return host
}

// Trusts tells whose word on clients counts. Where a PROXY header names none, the proxy passes bytes on and looks at no
// request, so that what one says comes from just anybody.
func (p *Plan) Trusts(nameless bool) func(netip.Addr) bool {
	if nameless {
		return nobody
	}
	return p.IsProxy
}

func nobody(netip.Addr) bool { return false }

// Identity is the subject of a verified client certificate, if backends are to be told.
func (p *Plan) Identity(host string, state *tls.ConnectionState) string {
	if state == nil || p.Certs == nil || p.Config.TLSClientHeader == "" || len(state.VerifiedChains) == 0 || !p.Certs.Vouches(host, state) {
		return ""
	}
	return state.VerifiedChains[0][0].Subject.String()
}

// AsksOther tells whether a request asks for another protocol than WebSocket that its route lets pass.
func (p *Plan) AsksOther(r *http1.Request) bool {
	q := Question{Method: r.Method, Host: r.Host, Path: r.Path, Query: r.Query, Asks: r}
	i, out := p.table.Choose(q.subject())
	return out == routing.Taken && r.AsksFor(p.Routes[i].Config.UpgradeOther) != ""
}
