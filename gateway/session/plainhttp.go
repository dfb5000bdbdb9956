package session

import (
	"net/http"

	"weir/codec/http1"
	"weir/gateway/config"
	"weir/gateway/plan"
	"weir/gateway/web"
)

// ServePlain makes the server of plain HTTP, which asks the plan in force about each request.
func (p *Process) ServePlain() {
	p.Web = web.New(web.Options{
		Find: p.findPlain, Origin: func(r *http.Request, c *web.Client) http1.From { return p.Plan.Load().OriginPlain(r, c) }, Upgrade: takeBack, Other: p.asksOther, Log: p.logPlain, Logger: p.Log,
		Dress: p.dressPlain, Enter: p.enterRequest, Starts: newTurns(p.Start.IPv6Prefix),
		Limits: plan.HeadLimits(p.Start), HeaderTimeout: p.Start.HandshakeTimeout, IdleTimeout: p.Start.HTTPIdleTimeout, MaxConns: p.Start.MaxHTTPConnections,
		MinRate: int(p.Start.HTTPMinRate), HalfClose: p.Start.HTTPHalfClose == config.HalfCloseAnswer,
	})
}

// findPlain finds where a plain request goes.
func (p *Process) findPlain(r *http.Request, c *web.Client) (web.Found, *http1.Refusal) {
	now := p.inForce()
	defer now.Release()
	return now.FindPlain(r, c)
}

// dressPlain gives a refusal what the request's route adds to it.
func (p *Process) dressPlain(r *http.Request, c *web.Client, from http1.From, owner any, why *http1.Refusal) *http1.Refusal {
	now := p.inForce()
	defer now.Release()
	return now.DressPlain(r, c, from, owner, why)
}

// asksOther tells whether a request asks for another protocol than WebSocket that its route lets pass.
func (p *Process) asksOther(r *http1.Request) bool {
	if r.Get("upgrade") == nil {
		return false
	}
	now := p.inForce()
	defer now.Release()
	return now.AsksOther(r)
}
