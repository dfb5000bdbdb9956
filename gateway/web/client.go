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
)

// lingerTimeout is how long a client may go on sending a body that nobody wants, so that it gets to read the answer.
const lingerTimeout = 5 * time.Second

// A stall cuts a client that keeps a read or a write waiting for too long. It never does so once it is closed, as
// net/http's writer must not be touched behind its handler. The zero value does nothing.
type stall struct {
	limit time.Duration
	cut   func(deadline time.Time) error
	fired atomic.Bool

	mu      sync.Mutex
	timer   *time.Timer
	waiting bool
	closed  bool
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
		s.timer.Reset(s.limit)
	}
	s.waiting = true
}

func (s *stall) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting {
		s.timer.Stop()
		s.waiting = false
	}
}

func (s *stall) close() {
	s.end()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
}

func (s *stall) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting && !s.closed {
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
	x      *exchange
	stall  stall
	status int
	bytes  uint64
	lost   bool // the client did not take it
}

// Unwrap is how http.ResponseController finds what is not written here.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) WriteHeader(status int) {
	switch {
	case status < 200:
		a.x.plan.Rules.AnswerHeader(a.Header()) // an interim answer is only passed on
	case a.x.request.ProtoMajor == 1 && !a.x.upload.done.Load():
		// Nobody knows whether the rest of the body will be read, so nobody can tell where the next request
		// begins. Over HTTP/2 streams keep apart.
		a.Header().Set("Connection", "close")
		a.status = status
	default:
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (n int, err error) {
	a.guarded(func() error {
		n, err = a.ResponseWriter.Write(b)
		return err
	})
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
