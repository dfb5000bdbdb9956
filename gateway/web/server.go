package web

import (
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Why a connection is not taken.
var (
	ErrFull   = errors.New("web: as many connections as there may be")
	ErrClosed = errors.New("web: the server is shut down")
)

// errDrained is the cause of cutting what did not end in time.
var errDrained = errors.New("web: the time to drain is over")

// toBegin is how long Shutdown waits for the first requests of connections given to Serve, which should be there.
const toBegin = time.Second

const (
	// maxFrame is the largest frame of HTTP/2 that is taken, for which net/http has a buffer: the least that may be said
	// (RFC 9113 section 4.2).
	maxFrame = 16 << 10
	// moreHead is how many times as large as it may be the head of an HTTP/2 request is read, in order to be refused.
	moreHead, leastMoreHead = 4, 64 << 10
)

// A Server serves the connections it is given. It may be used from any goroutine.
type Server struct {
	// immutable
	options Options
	http    *http.Server
	waiting *queue
	cut     context.CancelCauseFunc // ends what still runs

	// any goroutine
	count    counters
	draining atomic.Bool
	running  sync.WaitGroup // a connection each
	fresh    atomic.Int64   // connections given to Serve whose first request has not begun

	mu      sync.Mutex
	links   map[net.Conn]*link // by the connection that net/http sees
	idle    list.List          // those without a request, the longest so first
	leaving int                // those of links that have given way
	closed  bool
}

// A link is a connection with its client.
type link struct {
	client *Client
	conn   net.Conn     // as it was given to Serve
	seen   net.Conn     // as net/http sees it
	plain  *plainConn   // likewise; nil: it is HTTP/2
	first  *time.Timer  // ends an HTTP/2 connection without a request; nil for others
	active atomic.Int32 // requests
	fresh  atomic.Bool

	// under the server's mu
	idle    *list.Element // nil: there is a request
	leaving bool
}

// begun says that the first request of a connection has begun, or that none will come.
func (s *Server) begun(l *link) {
	if l.fresh.Swap(false) {
		s.fresh.Add(-1)
		if l.first != nil {
			l.first.Stop()
		}
	}
}

// New starts a server. It has to be ended by Shutdown.
func New(o Options) *Server {
	if o.StallTimeout <= 0 {
		o.StallTimeout = defaultStall
	}
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = defaultIdle
	}
	if o.MaxStreams == 0 {
		o.MaxStreams = defaultStreams
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{options: o, links: make(map[net.Conn]*link)}
	s.waiting = newQueue()
	s.count.reasons = make(map[string]uint64)
	ctx, cut := context.WithCancelCause(context.Background())
	s.cut = cut
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: o.HeaderTimeout,
		IdleTimeout:       o.IdleTimeout,
		MaxHeaderBytes:    max(moreHead*o.Limits.Head, leastMoreHead),
		Protocols:         new(http.Protocols),
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       s.connContext,
		ConnState:         s.connState,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          int(o.MaxStreams),
			MaxReadFrameSize:              maxFrame,
			MaxReceiveBufferPerConnection: maxUploads,
			MaxReceiveBufferPerStream:     maxUploads,
			SendPingTimeout:               o.StallTimeout,
			WriteByteTimeout:              o.StallTimeout,
		},
		DisableGeneralOptionsHandler: true, // "OPTIONS *" is refused like any target of that form
	}
	s.http.Protocols.SetHTTP1(true)
	s.http.Protocols.SetUnencryptedHTTP2(true) // TLS is below an h2Conn, where net/http does not see it
	s.running.Go(s.run)
	return s
}

func (s *Server) run() {
	_ = s.http.Serve(s.waiting)
	for { // by now the queue is closed; where Shutdown came first, nobody took what is in it
		seen, err := s.waiting.Accept()
		if err != nil {
			return
		}
		_ = seen.Close()
		s.connState(seen, http.StateClosed)
	}
}

// Serve takes the connection and never blocks. After ErrFull or ErrClosed it is still the caller's. A connection on
// which HTTP/2 was negotiated has to be a *tls.Conn whose handshake is done; any other is read as HTTP/1.1. conn needs
// deadlines, and should have CloseWrite, so that an answer to a request which is not read to its end arrives.
func (s *Server) Serve(conn net.Conn, c *Client) error {
	l := &link{client: c, conn: conn}
	if t, ok := conn.(*tls.Conn); ok && t.ConnectionState().NegotiatedProtocol == "h2" {
		l.seen = newH2Conn(conn)
	} else {
		l.plain = &plainConn{Conn: conn, limits: s.options.Limits, headTime: s.options.HeaderTimeout, halfClose: s.options.HalfClose, other: s.options.Other}
		l.seen = l.plain
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return ErrClosed
	case len(s.links)-s.leaving >= s.options.MaxConns && !s.giveWay():
		return ErrFull
	}
	s.links[l.seen] = l
	l.fresh.Store(true)
	if l.plain == nil { // net/http waits for the preface and not for a request
		l.first = time.AfterFunc(s.options.HeaderTimeout, func() {
			if l.fresh.Load() {
				_ = l.seen.Close()
			}
		})
	}
	s.fresh.Add(1)
	s.running.Add(1)
	s.count.conns.Add(1)
	s.waiting.put(l.seen)
	return nil
}

// giveWay closes the connection that has had no request for the longest, if there is such a one.
func (s *Server) giveWay() bool {
	first := s.idle.Front()
	if first == nil {
		return false
	}
	l := first.Value.(*link)
	s.setIdle(l, false)
	l.leaving = true
	s.leaving++
	go l.seen.Close() // with TLS it may wait for the client
	return true
}

// setIdle notes whether a connection is without a request.
func (s *Server) setIdle(l *link, idle bool) {
	if l.idle != nil {
		s.idle.Remove(l.idle)
		l.idle = nil
	}
	if idle && !l.leaving {
		l.idle = s.idle.PushBack(l)
	}
}

// Shutdown ends the server: idle connections at once, the others behind the answer that is under way, HTTP/2 with a
// GOAWAY. What still runs when ctx is done is cut. All connections are closed when it returns.
func (s *Server) Shutdown(ctx context.Context) {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.draining.Store(true)
	// net/http drops a request that it has just read when this comes.
	for end := time.Now().Add(toBegin); s.fresh.Load() > 0 && ctx.Err() == nil && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if s.http.Shutdown(ctx) != nil {
		s.cut(errDrained)
		_ = s.http.Close()
	}
	s.running.Wait()
	s.cut(nil)
}

type linkKey struct{}

// connContext lets each request find its client.
func (s *Server) connContext(ctx context.Context, seen net.Conn) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	return context.WithValue(ctx, linkKey{}, s.links[seen])
}

// connState hears of requests that come and end, and of a connection's end and its being handed back.
func (s *Server) connState(seen net.Conn, state http.ConnState) {
	s.mu.Lock()
	l := s.links[seen]
	if l == nil {
		s.mu.Unlock()
		return
	}
	s.setIdle(l, state == http.StateIdle)
	over := state == http.StateClosed || state == http.StateHijacked
	if over {
		delete(s.links, seen)
		if l.leaving {
			s.leaving--
		}
	}
	s.mu.Unlock()
	if !over {
		return
	}
	s.begun(l)
	if l.client.Closed != nil {
		l.client.Closed()
	}
	s.running.Done()
}
