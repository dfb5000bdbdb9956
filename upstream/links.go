package upstream

import (
	"time"

	"weir/codec/http1"
	"weir/netpoll"
)

// Dialer is how the endpoints of a group are reached. It is immutable and shared by all loops.
type Dialer struct {
	Group          *Group
	Retries        int                                   // further endpoints to try after one that could not be connected to
	ConnectTimeout time.Duration                         // of TCP and TLS together
	AnswerTimeout  time.Duration                         // from the connection to the end of the answer's head
	Limits         http1.Limits                          // of the answer's head
	OnConnect      func(e *Endpoint, took time.Duration) // for measuring; called on the loop; may be nil
	Pool           PoolOptions
	Handshakes     *netpoll.Handshakes // where those of TLS run; may be nil if no endpoint needs it
}

// Links are one loop's ways to the endpoints. All of it is owned by the loop.
type Links struct {
	dialer  *Dialer
	loop    *netpoll.Loop
	pools   map[*Endpoint]*pool
	upkeep  netpoll.Timer
	scratch []byte
	stats   PoolStats
}

// On makes the links of a loop.
func (d *Dialer) On(loop *netpoll.Loop) *Links {
	return &Links{dialer: d, loop: loop, pools: make(map[*Endpoint]*pool)}
}

// Open looks for an endpoint that takes r, and tells sink how it went. It answers a refusal if there is not even
// one to try.
func (ls *Links) Open(r *Request, sink Sink) (*Attempt, *http1.Refusal) {
	a := attempts.Get().(*Attempt)
	a.links, a.sink = ls, sink
	a.copy(r)
	if why := a.try(); why != nil {
		a.free()
		return nil, why
	}
	return a, nil
}
