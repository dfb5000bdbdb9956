package web

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"weir/codec/http1"
	"weir/netpoll"
	"weir/upstream"
)

const (
	maxUploads       = 256 << 10 // bytes of bodies on an HTTP/2 connection that endpoints do not read, or of one of them
	maxAnswer        = 64 << 10  // likewise of an answer over HTTP/2 that the client does not read
	maxAnswerHead    = 64 << 10
	maxAnswerFields  = 1000
	continueTimeout  = time.Second // for a "100 Continue", after which the body is sent unasked
	backendPingAfter = 30 * time.Second
)

// TransportOptions shape the connections to endpoints. A time of 0 has no limit.
type TransportOptions struct {
	ConnectTimeout     time.Duration // for TCP and TLS together
	AnswerTimeout      time.Duration // from the end of the request to the end of the answer's head; a long poll's wait is in it
	IdleTimeout        time.Duration // of a connection kept for later
	MaxIdlePerEndpoint int           // connections kept for later
	MaxHeader          int           // bytes of an answer's head; 0: 64 KiB
	Costs              upstream.Costs
}

// Transports keep connections to endpoints, for HTTP/1.1 or HTTP/2 as each endpoint's scheme says. They may be used
// from any goroutine and by several plans.
type Transports struct {
	options TransportOptions

	mu     sync.Mutex
	all    map[*upstream.Endpoint]*transport
	closed bool
}

type transport struct {
	http.Transport
	scheme string
}

// NewTransports makes an empty set.
func NewTransports(o TransportOptions) *Transports {
	if o.MaxHeader == 0 {
		o.MaxHeader = maxAnswerHead
	}
	return &Transports{options: o, all: make(map[*upstream.Endpoint]*transport)}
}

// Options are what the set was made with.
func (ts *Transports) Options() TransportOptions { return ts.options }

// Close closes the connections that serve no request, and those that do behind their answers. None is kept from now on.
func (ts *Transports) Close() {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.closed = true
	ts.drop(func(*upstream.Endpoint) bool { return true })
}

// Keep does so with those of endpoints that the group does not have.
func (ts *Transports) Keep(g *upstream.Group) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	members := g.Endpoints()
	ts.drop(func(e *upstream.Endpoint) bool { return !slices.Contains(members, e) })
}

// drop is called under mu.
func (ts *Transports) drop(which func(*upstream.Endpoint) bool) {
	for e, t := range ts.all {
		if which(e) {
			delete(ts.all, e)
			t.CloseIdleConnections()
		}
	}
}

// CloseIdle closes the connections that serve no request.
func (ts *Transports) CloseIdle() {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for _, t := range ts.all {
		t.CloseIdleConnections()
	}
}

// ask sends r, whose URL lacks the scheme and the host, to an endpoint of the group.
func (ts *Transports) ask(e *upstream.Endpoint, g *upstream.Group, r *http.Request) (*http.Response, error) {
	t := ts.of(e, g)
	u := *r.URL
	u.Scheme, u.Host = t.scheme, "endpoint" // of use to find an idle connection; the one in r.Host is sent
	r.URL = &u
	if r.Host == "" { // HTTP/1.0 need not say
		r.Host = e.Spec.Authority()
	}
	return t.RoundTrip(r)
}

// of gives an endpoint's transport. A new one is the occasion to drop those of endpoints that are not of its group, so
// that there is never one more than that has members.
func (ts *Transports) of(e *upstream.Endpoint, g *upstream.Group) *transport {
	ts.mu.Lock()
	t := ts.all[e]
	ts.mu.Unlock()
	if t != nil {
		return t
	}
	ts.Keep(g)
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if t = ts.all[e]; t == nil {
		t = ts.make(e)
		ts.all[e] = t
	}
	return t
}

// make is called under mu.
func (ts *Transports) make(e *upstream.Endpoint) *transport {
	o := &ts.options
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := o.dial(ctx, e)
		if unreached := (*connectError)(nil); errors.As(err, &unreached) && unreached.why == upstream.RefusedSockets {
			ts.CloseIdle()
			return o.dial(ctx, e)
		}
		return conn, err
	}
	t := &transport{scheme: "http", Transport: http.Transport{
		DialContext:            dial,
		DialTLSContext:         dial,
		Protocols:              protocols(e.Spec),
		DisableCompression:     true,                           // bodies pass as they are
		DisableKeepAlives:      e.Spec.Proxy != 0 || ts.closed, // a connection tells of one client
		MaxIdleConnsPerHost:    o.MaxIdlePerEndpoint,
		IdleConnTimeout:        o.IdleTimeout,
		ResponseHeaderTimeout:  o.AnswerTimeout,
		ExpectContinueTimeout:  continueTimeout,
		MaxResponseHeaderBytes: int64(o.MaxHeader),
		HTTP2:                  &http.HTTP2Config{MaxReceiveBufferPerStream: maxAnswer, SendPingTimeout: backendPingAfter},
	}}
	if e.Spec.Secure() {
		t.scheme = "https"
	}
	return t
}

// protocols are HTTP/2 alone, HTTP/1.1 alone, or what ALPN chooses. In clear there is nothing to choose by.
func protocols(s upstream.Spec) *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(s.Tunnels())
	p.SetHTTP2(s.Secure() && s.Pools())
	p.SetUnencryptedHTTP2(!s.Secure() && !s.Tunnels())
	return p
}

// dial connects to an endpoint, which learns how it went.
func (o *TransportOptions) dial(ctx context.Context, e *upstream.Endpoint) (net.Conn, error) {
	who, _ := ctx.Value(partiesKey{}).(parties)
	timed := ctx
	if o.ConnectTimeout > 0 {
		var cancel context.CancelFunc
		timed, cancel = context.WithTimeout(ctx, o.ConnectTimeout)
		defer cancel()
	}
	conn, err := e.Dial(timed, o.Costs, who.source, who.destination)
	if err == nil {
		e.ConnectOK()
		return o.watched(conn), nil
	}
	if why := upstream.Exhausted(err, e.Addr); why != nil {
		return nil, &connectError{err, why}
	}
	if ctx.Err() == nil { // else it says nothing of the endpoint
		e.ConnectFailed(err.Error())
	}
	return nil, &connectError{err, whyUnreached(err)}
}

// watched has the heads of answers read over HTTP/1.1.
func (o *TransportOptions) watched(conn net.Conn) net.Conn {
	if t, ok := conn.(*tls.Conn); ok && t.ConnectionState().NegotiatedProtocol == "h2" {
		return conn // net/http looks for what was negotiated
	}
	return &endpointConn{Conn: conn, limits: http1.Limits{Head: o.MaxHeader, Fields: maxAnswerFields}}
}

// parties are the client and the address it connected to, for an endpoint that is told them by PROXY protocol.
type parties struct{ source, destination netip.AddrPort }

type partiesKey struct{}

// A connectError says that an endpoint has not seen a byte of the request.
type connectError struct {
	err error
	why *http1.Refusal
}

func (e *connectError) Error() string { return e.err.Error() }
func (e *connectError) Unwrap() error { return e.err }

func whyUnreached(err error) *http1.Refusal {
	var handshake *netpoll.HandshakeError
	var slow net.Error
	switch {
	case errors.As(err, &slow) && slow.Timeout():
		return upstream.RefusedSlow
	case errors.As(err, &handshake):
		return upstream.RefusedTLS
	}
	return upstream.RefusedConnect
}
