package gateway

import (
	"net/http"

	"weir/codec/http1"
	"weir/gateway/config"
	"weir/gateway/plan"
	"weir/gateway/session"
	"weir/gateway/web"
)

// newWeb makes the server of plain HTTP, which asks the plan in force about each request.
func (g *Gateway) newWeb() *web.Server {
	return web.New(web.Options{
		Find: g.findPlain, Origin: func(r *http.Request, c *web.Client) http1.From { return g.proc.Plan.Load().OriginPlain(r, c) }, Upgrade: session.TakeBack, Log: g.logPlain, Logger: g.proc.Log,
		Dress: g.dressPlain, Enter: g.enterRequest, Starts: newTurns(g.cfg.IPv6Prefix),
		Limits: plan.HeadLimits(g.cfg), HeaderTimeout: g.cfg.HandshakeTimeout, IdleTimeout: g.cfg.HTTPIdleTimeout, MaxConns: g.cfg.MaxHTTPConnections,
		MinRate: int(g.cfg.HTTPMinRate), HalfClose: g.cfg.HTTPHalfClose == config.HalfCloseAnswer,
	})
}

// findPlain finds where a plain request goes.
func (g *Gateway) findPlain(r *http.Request, c *web.Client) (web.Found, *http1.Refusal) {
	p := g.proc.InForce()
	defer p.Release()
	return p.FindPlain(r, c)
}

// dressPlain gives a refusal what the request's route adds to it.
func (g *Gateway) dressPlain(r *http.Request, c *web.Client, from http1.From, owner any, why *http1.Refusal) *http1.Refusal {
	p := g.proc.InForce()
	defer p.Release()
	return p.DressPlain(r, c, from, owner, why)
}
