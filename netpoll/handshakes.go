package netpoll

import "sync"

// Handshakes is where TLS handshakes run: on as many goroutines at once as it may have. Those beyond wait their turn,
// and are cut by their own timeouts. It is shared by all loops.
type Handshakes struct {
	max int

	mu      sync.Mutex
	running int
	queue   []*secure
	peak    int
}

// NewHandshakes makes room for max at once.
func NewHandshakes(max int) *Handshakes { return &Handshakes{max: max} }

// run starts the handshake, now or when another one is over.
func (h *Handshakes) run(s *secure) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.running == h.max {
		h.queue = append(h.queue, s)
		return
	}
	h.running++
	go h.work(s)
}

// work goes on with whoever waits.
func (h *Handshakes) work(s *secure) {
	for ; s != nil; s = h.next() {
		s.handshake()
	}
}

func (h *Handshakes) next() *secure {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.queue) == 0 {
		h.running--
		h.queue = nil
		return nil
	}
	s := h.queue[0]
	h.queue[0] = nil
	h.queue = h.queue[1:]
	return s
}

// Running is how many run, Waiting how many wait for that.
func (h *Handshakes) Running() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.running
}

// Waiting is how many wait for their turn.
func (h *Handshakes) Waiting() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.queue)
}
