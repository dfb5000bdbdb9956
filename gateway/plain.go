package gateway

import (
	"net"
	"net/http"
	"net/netip"
	"slices"

	"weir/codec/http1"
	"weir/gateway/web"
)

// Plain HTTP beside WebSocket. The loop reads a request's head; if no WebSocket is asked for, the connection goes to
// net/http on a goroutine of its own, with the bytes already read, and stays there. Should a later request on it be a
// WebSocket handshake, it comes back.

func (g *Gateway) newWeb() *web.Server {
	return web.New(web.Options{
		Find: g.findPlain, Origin: g.originPlain, Upgrade: g.takeBack, Log: g.access.plain, Logger: g.log,
		Limits: g.headLimits, HeaderTimeout: g.cfg.HandshakeTimeout, IdleTimeout: g.cfg.HTTPIdleTimeout, MaxConns: g.cfg.MaxHTTPConnections,
	})
}

// handOver gives the client's connection to the HTTP server; early is what was read of it. The session is over, but
// the client still counts against the limits.
func (s *session) handOver(early []byte) {
	sh := s.lane.shard
	g, ip := sh.gw, s.from().Addr()
	if why := g.admit(s); why != nil {
		if early == nil { // HTTP/2: there is no request yet to answer
			s.turnAway(why.Reason)
		} else {
			s.refuse(why)
		}
		return
	}
	c := &web.Client{Peer: s.from(), Local: s.local(), TLS: s.client.TLSState(), Owner: s.lane.door, Closed: func() { g.limits.leave(ip) }}
	s.admitted = false // the connection's end takes it off, not the session's
	conn := s.client.Detach(early)
	if err := g.web.Serve(conn, c); err != nil {
		sh.count.refused[refusedFull.Reason]++
		_ = conn.Close()
		c.Closed()
	}
	s.finish()
}

// takeBack begins a session on a connection that was handed over, with the WebSocket handshake that came on it.
func (g *Gateway) takeBack(conn net.Conn, c *web.Client, head, early []byte) {
	d := c.Owner.(*door)
	if d.lane.shard.loop.Post(func() { d.takeBack(conn, c, slices.Concat(head, early)) }) != nil {
		_ = conn.Close()
	}
}

func (d *door) takeBack(conn net.Conn, c *web.Client, read []byte) {
	sh := d.lane.shard
	s := &session{lane: &d.lane, opened: sh.loop.Now(), phase: greeting}
	s.setFrom(c.Peer)
	rest, err := sh.loop.Adopt(&s.client, conn, (*clientSide)(s))
	if err != nil {
		_ = conn.Close()
		return
	}
	sh.add(s)
	if d.local.AddrPort != c.Local {
		s.hs = newHandshake()
		s.hs.local = c.Local
	}
	s.greet(append(read, rest...))
	if sh.drain.active {
		s.drain()
	}
}

// findPlain is direct for a request that net/http has parsed.
func (g *Gateway) findPlain(r *http.Request, c *web.Client) (*web.Plan, *http1.Refusal) {
	q := question{host: []byte(r.Host), path: []byte(r.URL.EscapedPath()), query: []byte(r.URL.RawQuery),
		asks: plainAsker{r}, from: g.originPlain(r, c), state: c.TLS}
	to, why := g.direct(&q)
	switch {
	case why != nil:
		return nil, why
	case to.plan == nil:
		return nil, http1.NotUpgrade
	}
	return to.plan, nil
}

func (g *Gateway) originPlain(r *http.Request, c *web.Client) http1.From {
	from := http1.OriginHeader(r.Header, c.Peer.Addr(), c.TLS != nil, g.trusted)
	from.Identity = g.identity(c.TLS)
	return from
}

// plainAsker shows a request of net/http as one of our own.
type plainAsker struct{ *http.Request }

func (r plainAsker) Get(name string) []byte {
	if v := r.Header.Values(name); len(v) > 0 {
		return []byte(v[0])
	}
	return nil
}

func (r plainAsker) Cookie(name string) []byte {
	c, err := r.Request.Cookie(name)
	if err != nil {
		return nil
	}
	return []byte(c.Value)
}

func (r plainAsker) QueryParam(name string) []byte {
	q := http1.Request{Query: []byte(r.URL.RawQuery)}
	return q.QueryParam(name)
}

func (r *route) plainKey(q *http.Request, client netip.Addr) uint64 {
	return r.hashKey(client, []byte(q.URL.EscapedPath()), plainAsker{q})
}
