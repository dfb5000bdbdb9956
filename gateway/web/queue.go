package web

import (
	"net"
	"sync"
)

// A queue is the listener of the http.Server. It holds no more than the server has links, and what was put before Close
// is still accepted.
type queue struct {
	mu      sync.Mutex
	changed sync.Cond
	waiting []net.Conn
	closed  bool
}

func newQueue() *queue {
	q := new(queue)
	q.changed.L = &q.mu
	return q
}

func (q *queue) put(conn net.Conn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, conn)
	q.changed.Signal()
}

func (q *queue) Accept() (net.Conn, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) == 0 {
		if q.closed {
			return nil, net.ErrClosed
		}
		q.changed.Wait()
	}
	conn := q.waiting[0]
	q.waiting[0] = nil
	if q.waiting = q.waiting[1:]; len(q.waiting) == 0 {
		q.waiting = nil // a burst's room is not kept
	}
	return conn, nil
}

func (q *queue) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.changed.Broadcast()
	return nil
}

func (q *queue) Addr() net.Addr { return &net.UnixAddr{Name: "loops", Net: "unix"} }
