package netpoll

import (
	"container/list"
	"fmt"
	"os"
	"sync"
	"time"
)

// Handshakes is where TLS handshakes run: on as many goroutines at once as it may have. Those beyond wait their turn,
// and are cut by their own timeouts. One whose peer is silent for long gives its place up to them, and its connection
// ends. It is shared by all loops.
type Handshakes struct {
	max   int
	stall time.Duration

	mu      sync.Mutex
	running list.List // of *goConn
	queue   list.List // of *secure, which wait for a place
	watched bool      // relieve is due
}

// stallLimit is how long a handshake may wait for its peer, in all, before it loses its place to another that needs one.
const stallLimit = 2 * time.Second

var errStalled = fmt.Errorf("the peer took too long with the TLS handshake, while others waited for theirs: %w", os.ErrDeadlineExceeded)

// NewHandshakes makes room for max at once.
func NewHandshakes(max int) *Handshakes { return &Handshakes{max: max, stall: stallLimit} }

// run starts the handshake, now or when another one is over.
func (h *Handshakes) run(s *secure) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.running.Len() < h.max {
		s.place = h.running.PushBack(s.wire.goes)
		go h.work(s)
		return
	}
	s.place = h.queue.PushBack(s)
	h.watch()
}

// work goes on with whoever waits.
func (h *Handshakes) work(s *secure) {
	for s != nil {
		s.handshake()
		s = h.next(s)
	}
}

// next gives the place of the one that is done to the first that waits.
func (h *Handshakes) next(done *secure) *secure {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running.Remove(done.place)
	done.place = nil
	first := h.queue.Front()
	if first == nil {
		return nil
	}
	s := h.queue.Remove(first).(*secure)
	s.place = h.running.PushBack(s.wire.goes)
	return s
}

// leave takes a closed connection off the queue, so that it is not kept for its turn.
func (h *Handshakes) leave(s *secure) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.place != nil {
		h.queue.Remove(s.place) // does nothing to one that runs, which ends by itself
	}
}

// watch looks after the handshakes that run while others wait.
func (h *Handshakes) watch() {
	if !h.watched && h.queue.Len() > 0 {
		h.watched = true
		time.AfterFunc(h.stall/8, h.relieve)
	}
}

// relieve cuts those that keep a place and let others wait.
func (h *Handshakes) relieve() {
	h.mu.Lock()
	defer h.mu.Unlock()
	wanted := h.queue.Len()
	for e := h.running.Front(); e != nil && wanted > 0; e = e.Next() {
		if e.Value.(*goConn).cutIfStalled(h.stall) {
			wanted--
		}
	}
	h.watched = false
	h.watch()
}

// Running is how many are under way.
func (h *Handshakes) Running() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.running.Len()
}

// Waiting is how many wait for their turn.
func (h *Handshakes) Waiting() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.queue.Len()
}
