package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"weir/codec/http1"
	"weir/netpoll"
	"weir/upstream"
)

// An exchange is one request and its answer. It belongs to the request's goroutine, but for what is atomic.
type exchange struct {
	server  *Server
	link    *link
	request *http.Request
	answer  answer
	upload  upload
	control *http.ResponseController // of the client's side
	began   time.Time

	// once the route is known
	plan     *Plan
	spelling http1.Spelling // of the request
	key      uint64
	told     []http1.Field // to the endpoint, behind the plan's rules
	from     http1.From
	prefer   uint64 // what the sticky cookie says; 0: nothing
	target   *url.URL
	tried    []*upstream.Endpoint
	endpoint *upstream.Endpoint // asked last
	head     *answerHead        // of its answer over HTTP/1.1; nil: over HTTP/2
	upgrade  []string           // that its 426 asks for

	left   func() // takes it off those in flight
	starts bool   // it has its turn to

	understood bool // so far that it may have a route
	owner      any  // of that

	route  string
	reason string
	detail string
	user   string
	heard  atomic.Bool // a byte of the endpoint's answer has come
}

// exchange answers a request, with why or with what an endpoint says.
func (s *Server) exchange(w http.ResponseWriter, r *http.Request, l *link, why *http1.Refusal) {
	l.active.Add(1)
	defer l.active.Add(-1)
	x := &exchange{server: s, link: l, request: r, control: http.NewResponseController(w), began: time.Now()}
	if l.plain != nil {
		x.spelling = l.plain.spelling()
	}
	x.answer.ResponseWriter, x.answer.x = w, x
	x.answer.stall.limit, x.answer.stall.cut = s.options.StallTimeout, x.control.SetWriteDeadline
	x.answer.stall.enough, x.answer.took = x.tookEnough, int64(netpoll.Written(l.conn))
	x.wrapBody()
	defer x.finish()
	if s.draining.Load() {
		w.Header().Set("Connection", "close")
	}
	if x.understood = why == nil; x.understood {
		x.from = s.options.Origin(r, l.client)
		why = x.enter()
		defer x.leave()
	} else if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close") // who breaks one rule may break others, on where a request ends
	}
	if why == nil {
		var found Found
		found, why = s.options.Find(r, l.client)
		x.plan, x.key, x.told, x.from = found.Plan, found.Key, found.Fields, found.From
		x.owner, x.route, x.detail, x.user, x.from.RequestID = found.Owner, found.Route, found.Detail, found.User, found.RequestID
	}
	if why != nil {
		x.refuse(why)
	} else {
		x.pass()
	}
}

// wrapBody has the body watched. In HTTP/1.1 net/http would take it from under the proxy's hands as soon as an answer
// begins, unless told that both go on at once.
func (x *exchange) wrapBody() {
	r := x.request
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		x.upload.done.Store(true)
		return
	}
	x.upload.ReadCloser = r.Body
	x.upload.stall.limit, x.upload.stall.cut = x.server.options.StallTimeout, x.control.SetReadDeadline
	r.Body = &x.upload
	_ = x.control.EnableFullDuplex()
}

// pass hands the request to an endpoint and its answer to the client.
func (x *exchange) pass() {
	r := x.request
	if !x.begin() {
		panic(http.ErrAbortHandler) // nobody waits for an answer
	}
	defer x.begun()
	x.prefer = x.cookie()
	if x.target = x.rewritten(); x.target == nil {
		x.refuse(refusedTarget)
		return
	}
	// An upgrade to anything is between the client and us, and we know none but WebSocket (RFC 9110 section 7.8).
	r.Header.Del("Upgrade")
	proxy := httputil.ReverseProxy{
		Rewrite:        x.rewrite,
		Transport:      x,
		ModifyResponse: x.shape,
		ErrorHandler:   x.failed,
		FlushInterval:  -1, // at once: events and long polls wait for no buffer to fill
		BufferPool:     buffers{},
		ErrorLog:       x.server.http.ErrorLog,
	}
	proxy.ServeHTTP(&x.answer, r)
}

// RoundTrip asks endpoints until one could be connected to. Once a byte may have been sent there is no other try, with
// the one exception that net/http makes: where a kept connection turns out to have been closed by then, it makes a new
// one for a request that can be repeated without harm (RFC 9110 section 9.2.2), and so may we elsewhere.
func (x *exchange) RoundTrip(out *http.Request) (*http.Response, error) {
	x.begun()
	x.spelling.Apply(out.Header)
	var why error = upstream.RefusedNoEndpoint
	x.plan.Group.Begin()
	for len(x.tried) <= x.plan.Retries {
		e := x.choose()
		if e == nil || len(x.tried) > 0 && !x.plan.Group.MayRetry() {
			break
		}
		x.tried = append(x.tried, e)
		x.endpoint = e
		res, err := x.ask(e, out)
		x.judge(res, err)
		var unreached *connectError
		if err == nil && res.StatusCode == http.StatusUpgradeRequired {
			x.upgrade = res.Header["Upgrade"] // the proxy drops it
		}
		if err == nil || !errors.As(err, &unreached) || out.Context().Err() != nil {
			return res, err
		}
		why = err
	}
	return nil, why
}

// judge records how the endpoint has treated the request.
func (x *exchange) judge(res *http.Response, err error) {
	var unreached *connectError
	var slow net.Error
	switch {
	case err == nil && res.StatusCode < 500:
		x.endpoint.HandshakeOK()
	case err == nil:
		x.endpoint.HandshakeFailed(x.from.Addr, fmt.Sprint("request: status ", res.StatusCode))
	case x.request.Context().Err() != nil || x.upload.fault() != nil: // it says nothing of the endpoint
	case errors.As(err, &unreached):
		if unreached.why != upstream.RefusedSockets && unreached.why != upstream.RefusedPorts {
			x.endpoint.HandshakeFailed(x.from.Addr, "connect: "+err.Error())
		}
	case errors.As(err, &slow) && slow.Timeout():
		x.endpoint.HandshakeSilent(x.from.Addr)
	}
}

// choose prefers the endpoint of the cookie for as long as that is well.
func (x *exchange) choose() *upstream.Endpoint {
	if x.prefer != 0 && len(x.tried) == 0 {
		if e := x.plan.Group.ByID(x.prefer); e != nil && e.Healthy() {
			return e
		}
	}
	return x.plan.Group.First(x.key, x.tried)
}

func (x *exchange) ask(e *upstream.Endpoint, out *http.Request) (*http.Response, error) {
	ctx := context.WithValue(out.Context(), partiesKey{}, parties{x.source(), x.link.client.Local})
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(got httptrace.GotConnInfo) {
			if c, ok := got.Conn.(*endpointConn); ok {
				x.head = c.begin()
			}
		},
		GotFirstResponseByte: func() { x.heard.Store(true) },
	})
	try := out.WithContext(ctx)
	if out.Body != nil {
		try.Body = io.NopCloser(out.Body) // or it were closed by a try that failed
	}
	return x.plan.Transports.ask(e, x.plan.Group, try)
}

// source is the client as a PROXY header tells it.
func (x *exchange) source() netip.AddrPort {
	if peer := x.link.client.Peer; peer.Addr() == x.from.Addr {
		return peer
	}
	return netip.AddrPortFrom(x.from.Addr, 0) // the port is known to the proxy in front alone
}

// copyRoom is for a record of TLS.
const copyRoom = 16 << 10

// buffers are what bodies are copied through.
type buffers struct{}

var spare = sync.Pool{New: func() any { return new([copyRoom]byte) }}

func (buffers) Get() []byte  { return spare.Get().(*[copyRoom]byte)[:] }
func (buffers) Put(b []byte) { spare.Put((*[copyRoom]byte)(b)) }
