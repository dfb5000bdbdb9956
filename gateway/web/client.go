package web

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"weir/codec/http1"
	"weir/netpoll"
)

// lingerTimeout is how long a client may go on sending a body that nobody wants, so that it gets to read the answer.
const lingerTimeout = 5 * time.Second

// A stall cuts a client that has kept reads or writes waiting for as long as limit, unless it did enough meanwhile. It
// never does so once it is closed, as net/http's writer must not be touched behind its handler. The zero value does nothing.
type stall struct {
	limit  time.Duration
	cut    func(deadline time.Time) error
	enough func() bool // of what was done since it was last asked; nil: of one that waits nothing was done
	fired  atomic.Bool

	mu     sync.Mutex
	timer  *time.Timer
	since  time.Time     // it waits since; zero: it does not
	waited time.Duration // before that
	closed bool
}

func (s *stall) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed || s.cut == nil:
		return
	case s.timer == nil:
		s.timer = time.AfterFunc(s.limit, s.expire)
	default:
		s.timer.Reset(s.limit - s.waited)
	}
	s.since = time.Now()
}

func (s *stall) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() {
		return
	}
	s.timer.Stop()
	if s.enough != nil {
		s.waited = min(s.waited+time.Since(s.since), s.limit)
	}
	s.since = time.Time{}
}

func (s *stall) close() {
	s.end()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
}

func (s *stall) expire() {
	enough := s.enough != nil && s.enough()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
	case enough:
		s.waited = 0
		if !s.since.IsZero() {
			s.since = time.Now()
			s.timer.Reset(s.limit)
		}
	case !s.since.IsZero():
		s.fired.Store(true)
		_ = s.cut(time.Now())
	}
}

// An upload is the request's body on its way to the endpoint. It is read by one goroutine, which may outlive the
// exchange for a moment.
type upload struct {
	io.ReadCloser
	stall stall
	atEnd func() // nil: nothing to do
	bytes atomic.Uint64
	done  atomic.Bool // all has been read
	why   atomic.Pointer[http1.Refusal]
}

func (u *upload) Read(b []byte) (n int, err error) {
	u.stall.begin()
	n, err = u.ReadCloser.Read(b)
	u.stall.end()
	u.bytes.Add(uint64(n))
	switch {
	case err == io.EOF:
		if u.atEnd != nil {
			u.atEnd()
		}
		u.done.Store(true)
	case err != nil:
		u.failed(err)
	}
	return n, err
}

// failed remembers the client's fault, the first one.
func (u *upload) failed(err error) {
	why := refusedBody
	var broken net.Error
	switch {
	case u.stall.fired.Load():
		why = refusedStalled
	case errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &broken):
		why = refusedLost
	}
	u.why.CompareAndSwap(nil, why)
}

// fault is what the client did wrong; nil if nothing is known.
func (u *upload) fault() *http1.Refusal {
	if u.stall.fired.Load() {
		return refusedStalled // before the read has come back
	}
	return u.why.Load()
}

// An answer is what goes to the client. It belongs to the exchange's goroutine.
type answer struct {
	http.ResponseWriter
	x        *exchange
	stall    stall
	status   int
	bytes    uint64
	lost     bool           // the client did not take it
	spelling http1.Spelling // of its fields

	passed      atomic.Int64 // to net/http
	taken, took int64        // see tookEnough
}

// Unwrap is how http.ResponseController finds what is not written here.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) WriteHeader(status int) {
	h := a.Header()
	switch {
	case status < 200:
		a.x.plan.Rules.AnswerHeader(h, new(http1.Spelling)) // an interim answer is only passed on
		a.ResponseWriter.WriteHeader(status)
		return
	case a.x.request.ProtoMajor != 1:
	default:
		a.inHTTP1(h, status)
	}
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// inHTTP1 is what an answer needs that HTTP/2 has no words for.
func (a *answer) inHTTP1(h http.Header, status int) {
	x := a.x
	if x.upgrade != nil {
		h["Upgrade"] = x.upgrade
		if h.Get("Connection") == "" {
			h.Set("Connection", "Upgrade") // RFC 9110 section 7.8
		}
	}
	if !x.upload.done.Load() {
		// Nobody knows whether the rest of the body will be read, so nobody can tell where the next request
		// begins. Over HTTP/2 streams keep apart.
		h.Set("Connection", "close")
	}
	a.spelling.Apply(h)
	if x.head != nil && x.reason == "" && x.head.line != nil && x.head.line.status == status {
		x.link.plain.line.Store(x.head.line)
	}
}

func (a *answer) Write(b []byte) (n int, err error) {
	if a.x.request.ProtoMajor == 1 {
		return a.write(b)
	}
	for first := true; err == nil && (first || len(b) > 0); first = false {
		var m int
		m, err = a.write(b[:min(len(b), writePiece)])
		b, n = b[m:], n+m
	}
	return n, err
}

// writePiece is small enough to see how fast a client takes an answer that HTTP/2 writes, see tookEnough.
const writePiece = 8 << 10

func (a *answer) write(b []byte) (n int, err error) {
	a.guarded(func() error {
		n, err = a.ResponseWriter.Write(b)
		return err
	})
	a.passed.Add(int64(n))
	a.bytes += uint64(n)
	return n, err
}

// FlushError is what http.ResponseController calls for Flush.
func (a *answer) FlushError() error { return a.guarded(a.x.control.Flush) }

func (a *answer) guarded(send func() error) error {
	a.stall.begin()
	err := send()
	a.stall.end()
	a.lost = a.lost || err != nil && err != http.ErrBodyNotAllowed
	return err
}

// tookEnough tells whether the client has taken what MinRate asks for since this was last asked, which is after StallTimeout
// of waiting. In HTTP/1.1 what its host has counts. Streams of HTTP/2 share the connection, and the rate: what has gone to
// the connection counts, unless that is what they wait for.
func (x *exchange) tookEnough() bool {
	a, o := &x.answer, &x.server.options
	need := max(int64(float64(o.MinRate)*o.StallTimeout.Seconds()), 1)
	fresh := a.passed.Load() - a.taken
	a.taken += fresh
	delivered, waiting, known := netpoll.Delivered(x.link.conn)
	took := int64(delivered) - a.took
	a.took += took
	switch {
	case known && x.request.ProtoMajor == 1:
		return !waiting || took >= need
	case known && waiting && took >= need:
		return true
	}
	return fresh >= max(need/int64(max(x.link.active.Load(), 1)), 1)
}
