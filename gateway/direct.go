package gateway

import (
	"crypto/tls"
	"net/netip"
	"strings"

	"weir/codec/http1"
	routing "weir/gateway/route"
)

// question is a request of either kind, as far as it decides where that may go.
type question struct {
	method, host, path, query []byte
	asks                      asker
	from                      http1.From
	state                     *tls.ConnectionState // of the client's connection; nil in clear
	terms                     string               // that a kept connection was made under; "": it was made under the plan's
	upgrade                   bool
}

func (q *question) subject() *routing.Subject {
	return &routing.Subject{Method: q.method, Host: q.host, Path: q.path, Query: q.query, Fields: q.asks}
}

// direct finds the route of a request, and says why it may not take it. A refusal comes without a route where none was found.
func (p *plan) find(q *question) (*route, *http1.Refusal) {
	if q.terms != "" && q.terms != p.tlsTermsOf(q.state) {
		return nil, refusedTerms
	}
	if p.certs != nil && !p.certs.Permits(string(q.host), q.state) {
		if q.state == nil {
			return nil, refusedInsecure
		}
		return nil, refusedName
	}
	i, out := p.table.Choose(q.subject())
	switch out {
	case routing.Unclear:
		return nil, refusedPath
	case routing.Unserved:
		return nil, refusedNoRoute
	}
	r := p.routes[i]
	switch {
	case !q.from.TLS && r.config.RequireTLS != "off":
		return r, r.insist(q)
	case !r.gate.allowsAddress(q.from.Addr):
		return r, refusedAddress
	}
	return r, nil
}

// tlsTermsOf are the rules for client certificates that the plan has for a connection; "" in clear.
func (p *plan) tlsTermsOf(state *tls.ConnectionState) string {
	if state == nil || p.certs == nil {
		return ""
	}
	return p.certs.Terms(state.ServerName)
}

// insist answers a request in clear where TLS is required.
func (r *route) insist(q *question) *http1.Refusal {
	if r.config.RequireTLS != "redirect" || q.upgrade {
		return refusedInsecure
	}
	host := q.host
	if q.from.Host != nil {
		host = q.from.Host
	}
	if len(host) == 0 { // HTTP/1.0 need not say
		return refusedInsecure
	}
	target := string(q.path)
	if q.query != nil {
		target += "?" + string(q.query)
	}
	name := hostName(string(host))
	to := *redirected
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

// believed tells whose word on clients counts. Where a PROXY header names none, the proxy passes bytes on and looks at no
// request, so that what one says comes from just anybody.
func (p *plan) trusts(nameless bool) func(netip.Addr) bool {
	if nameless {
		return nobody
	}
	return p.isProxy
}

func nobody(netip.Addr) bool { return false }

// identity is the subject of a verified client certificate, if backends are to be told.
func (p *plan) identity(host string, state *tls.ConnectionState) string {
	if state == nil || p.certs == nil || p.config.TLSClientHeader == "" || len(state.VerifiedChains) == 0 || !p.certs.Vouches(host, state) {
		return ""
	}
	return state.VerifiedChains[0][0].Subject.String()
}
