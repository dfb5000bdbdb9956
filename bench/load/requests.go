//go:build linux

package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"weir/bench/epoll"
	"weir/bench/proc"
	"weir/bench/wire"
)

// Requests are plain HTTP requests (GET) over kept connections, in a closed loop: each client sends one, reads the
// answer, sends the next.
type Requests struct {
	Target Target
	Conns  int
	Window
}

// Request sends plain HTTP requests on one loop. Ops are answers, and Latency runs from just before a request is sent
// until the last byte of its answer. A connection that ends is a fault and is not replaced. The Result holds what was
// seen also when the error is not nil.
func Request(ctx context.Context, q Requests) (Result, error) {
	sources, err := epoll.SourcesFor(0, q.Conns, q.Target.Addr.Addr())
	if err != nil {
		return Result{}, err
	}
	w, err := newWorker([]Target{q.Target}, sources, 0)
	if err != nil {
		return Result{}, err
	}
	w.targets[0].request = wire.AppendGet(nil, q.Target.Host, q.Target.Path)
	c := &Crowd{workers: []*worker{w}}
	defer c.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	base := now()
	elapsed := q.Window.watch(ctx, base)
	err = c.each(ctx, func(ctx context.Context, _ int, w *worker) error {
		r := requester{worker: w, from: base + int64(q.Warmup), until: base + int64(q.Warmup+q.Duration)}
		return r.run(ctx, q.Conns)
	})
	cancel()
	r := c.gather()
	r.Elapsed = <-elapsed
	return r, err
}

// requester is the loop's part of Requests.
type requester struct {
	*worker
	from, until int64   // the window
	waiting     int     // clients whose answer is not complete
	ready       []*conn // clients whose answer is complete; their next requests go out at the end of the batch
}

func (r *requester) run(ctx context.Context, conns int) error {
	ended := func(_ *conn, f Fault, err error) {
		r.fault(f, err)
		r.waiting--
	}
	r.enter(hooks{answered: r.answered, failed: ended, lost: ended})
	r.waiting = conns
	for range conns {
		c := &conn{w: r.worker, state: dead, asking: true}
		r.conns = append(r.conns, c)
		if err := r.dial(c); err != nil {
			r.failed(c, FaultConnect, err)
		}
	}
	before, _ := proc.ReadThread()
	began := now()
	defer func() { r.busyness(before, time.Duration(now()-began)) }()
	for deadline := r.until + int64(grace); r.pending+r.live > 0; {
		at := now()
		if at >= r.until && r.waiting == 0 {
			return nil
		}
		if at >= deadline {
			r.giveUp()
			return nil
		}
		wait := deadline
		if at < r.until {
			wait = r.until
		}
		if err := r.turn(ctx, wait); err != nil {
			return err
		}
		r.send()
	}
	return errAllLost
}

// send sends the next requests, unless the window is over.
func (r *requester) send() {
	ready := r.ready
	r.ready = r.ready[:0]
	if now() >= r.until {
		return
	}
	for _, c := range ready {
		if c.state == open {
			r.waiting++
			c.request()
		}
	}
}

func (r *requester) answered(c *conn) {
	r.waiting--
	if at := now(); at >= r.from && at < r.until {
		r.ops++
		r.record(at - c.sentAt)
	}
	r.ready = append(r.ready, c)
}

var errUnanswered = fmt.Errorf("no answer within %s after the last request", grace)

func (r *requester) giveUp() {
	for _, c := range r.conns {
		switch {
		case c.state == dead:
		case c.state < open:
			r.refuse(c, FaultTimeout, errUnanswered)
		case c.asking:
			r.lose(c, FaultLost, errUnanswered)
		}
	}
}

// request sends the client's next request.
func (c *conn) request() {
	c.asking, c.sentAt = true, now()
	request := c.target().request
	if n, err := c.put(request); n < len(request) {
		c.w.lose(c, FaultClosed, err)
	}
}

// answer takes bytes of an answer to a plain request.
func (c *conn) answer(b []byte) {
	if c.body == 0 {
		c.head = append(c.head, b...)
		n, err := wire.CutHead(c.head)
		if n == 0 && err == nil {
			return
		}
		if err == nil {
			c.body, err = bodyLength(c.head[:n])
		}
		if err != nil {
			c.wrong(err)
			return
		}
		b = b[len(b)-(len(c.head)-n):] // the head ends within b
		c.head = c.head[:0]
	}
	if len(b) > c.body {
		c.wrong(errTooMuch)
		return
	}
	if c.body -= len(b); c.body > 0 {
		return
	}
	if c.state == upgrading { // this was the connection's first answer
		c.state = open
		c.w.pending--
		c.w.live++
	}
	if !c.asking {
		c.wrong(errUnasked)
		return
	}
	c.asking = false
	c.w.answered(c)
}

var (
	errTooMuch = errors.New("more bytes than the answer's Content-Length")
	errUnasked = errors.New("an answer that no request asked for")
)

// wrong ends a client whose answer is not what was asked for.
func (c *conn) wrong(err error) {
	if c.state == open {
		c.w.lose(c, FaultAnswer, err)
	} else {
		c.w.refuse(c, FaultAnswer, err)
	}
}

// bodyLength is the length of the body of an answer with status 200.
func bodyLength(head []byte) (int, error) {
	line, _, _ := bytes.Cut(head, []byte("\r\n"))
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
		return 0, fmt.Errorf("request answered with %.60q, want status 200", line)
	}
	value, _ := wire.Field(head, "Content-Length")
	n, err := strconv.Atoi(string(value))
	if err != nil || n < 1 {
		return 0, fmt.Errorf("answer with Content-Length %.20q, want a length above 0", value)
	}
	return n, nil
}
