package gateway

import (
	"net/http"

	"weir/codec/http1"
	"weir/gateway/config"
	routing "weir/gateway/route"
	"weir/gateway/web"
)

// newWeb makes the server of plain HTTP, which asks the plan in force about each request.
func (g *Gateway) newWeb() *web.Server {
	return web.New(web.Options{
		Find: g.findPlain, Origin: func(r *http.Request, c *web.Client) http1.From { return g.proc.plan.Load().originPlain(r, c) }, Upgrade: takeBack, Other: g.asksOther, Log: g.logPlain, Logger: g.proc.log,
		Dress: g.dressPlain, Enter: g.enterRequest, Starts: newTurns(g.cfg.IPv6Prefix),
		Limits: headLimits(g.cfg), HeaderTimeout: g.cfg.HandshakeTimeout, IdleTimeout: g.cfg.HTTPIdleTimeout, MaxConns: g.cfg.MaxHTTPConnections,
		MinRate: int(g.cfg.HTTPMinRate), HalfClose: g.cfg.HTTPHalfClose == config.HalfCloseAnswer,
	})
}

// asksOther tells whether a request asks for another protocol than WebSocket that its route lets pass.
func (g *Gateway) asksOther(r *http1.Request) bool {
	if r.Get("upgrade") == nil {
		return false
	}
	p := g.proc.inForce()
	defer p.release()
	i, out := p.table.Choose((&question{method: r.Method, host: r.Host, path: r.Path, query: r.Query, asks: r}).subject())
	return out == routing.Taken && r.AsksFor(p.routes[i].cfg.UpgradeOther) != ""
}

// findPlain finds where a plain request goes.
func (g *Gateway) findPlain(r *http.Request, c *web.Client) (web.Found, *http1.Refusal) {
	p := g.proc.inForce()
	defer p.release()
	return p.findPlain(r, c)
}

// dressPlain gives a refusal what the request's route adds to it.
func (g *Gateway) dressPlain(r *http.Request, c *web.Client, from http1.From, owner any, why *http1.Refusal) *http1.Refusal {
	p := g.proc.inForce()
	defer p.release()
	return p.dressPlain(r, c, from, owner, why)
}
