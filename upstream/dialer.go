package upstream

import (
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/valyala/bytebufferpool"

	"weir/codec/http1"
	"weir/netpoll"
)

// Dialer opens streams to the endpoints of a group. It is immutable and may be shared by all loops.
type Dialer struct {
	Group          *Group
	Retries        int // further endpoints to try after one that could not be connected to
	ConnectTimeout time.Duration
	AnswerTimeout  time.Duration                         // from the connection to the end of the answer's head
	Limits         http1.Limits                          // of the answer's head
	OnConnect      func(e *Endpoint, took time.Duration) // for measuring; called on the loop; may be nil
}

// Open begins a stream for sink on loop. It answers a refusal if there is not even an endpoint to try;
// everything later comes through the sink.
func (d *Dialer) Open(loop *netpoll.Loop, r *Request, sink Sink) (Stream, *http1.Refusal) {
	a := attempts.Get().(*attempt)
	a.dialer, a.loop, a.key = d, loop, r.Key
	a.accept = http1.Accept(r.WebSocketKey)
	a.head = bytebufferpool.Get()
	a.head.B = http1.AppendUpgrade(a.head.B, r.Target, r.Host, r.WebSocketKey, r.Fields)
	t := &tunnel{sink: sink, attempt: a}
	if why := t.dial(); why != nil {
		a.release()
		return nil, why
	}
	return t, nil
}

// attempt is what a tunnel needs only until the backend has answered.
type attempt struct {
	dialer *Dialer
	loop   *netpoll.Loop
	key    uint64
	tried  []*Endpoint
	timer  netpoll.Timer
	head   *bytebufferpool.ByteBuffer // the request, sent to whoever can be connected to
	answer *bytebufferpool.ByteBuffer // the answer so far if it came in pieces
	parsed http1.Response
	accept [28]byte
	body   http1.Body // of an answer that is no upgrade

	dialed            time.Duration // loop time of the latest dial
	connected, inBody bool
}

var attempts = sync.Pool{New: func() any { return new(attempt) }}

func (a *attempt) release() {
	a.loop.Cancel(&a.timer)
	for _, b := range []*bytebufferpool.ByteBuffer{a.head, a.answer} {
		if b != nil {
			bytebufferpool.Put(b)
		}
	}
	a.parsed.Reset()
	clear(a.tried)
	*a = attempt{tried: a.tried[:0], parsed: a.parsed}
	attempts.Put(a)
}

// dial begins to connect to the next endpoint that deserves it.
func (t *tunnel) dial() *http1.Refusal {
	a := t.attempt
	if len(a.tried) > a.dialer.Retries {
		return RefusedNoEndpoint
	}
	e := a.dialer.Group.Pick(a.key, a.tried)
	if e == nil {
		return RefusedNoEndpoint
	}
	a.tried = append(a.tried, e)
	e.Acquire()
	t.endpoint, t.left = e, false
	a.dialed = a.loop.Now()
	err := a.loop.Connect(&t.conn, e.Addr, t)
	if err == nil {
		a.loop.Schedule(&a.timer, a.dialer.ConnectTimeout, t)
		return nil
	}
	t.leave()
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return RefusedSockets // our own want: says nothing of the endpoint
	}
	return t.next(err.Error(), RefusedConnect)
}

// next counts a failed connect against its endpoint and tries another one. With none left, why is the answer.
func (t *tunnel) next(reason string, why *http1.Refusal) *http1.Refusal {
	t.endpoint.ConnectFailed(reason)
	if again := t.dial(); again != RefusedNoEndpoint {
		return again
	}
	return why
}
