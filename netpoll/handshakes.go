package netpoll

import (
	"container/list"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"time"
)

// Turns bound what many would like to do at once. Queue calls ready when it is from's turn, and must be answered by a Done;
// ready does not block. leave ends the wait and is false if ready was called. gateway/limits has turns that are fair by
// address.
type Turns interface {
	Queue(from netip.Addr, ready func()) (leave func() bool)
	Done()
}

// Handshakes is where TLS handshakes run, each on a goroutine. One that computes has a turn to compute, and gives it up
// while it waits for its peer. From its first turn to its end it has a place, too, which bounds the goroutines that
// wait for a silent peer. Where places are wanted, those whose peers have been silent for long lose theirs, and their
// connections end. It is shared by all loops.
type Handshakes struct {
	// Immutable.
	places  Turns
	compute Turns

	mu      sync.Mutex
	silent  list.List          // of *shake whose peers owe an answer, that for the longest time first
	held    map[netip.Addr]int // places, by address
	running int                // places that are held
	waiting int                // for a place
	watched bool               // relieve is due
}

const (
	// stallLimit is how long a handshake may wait for its peer, in all, before it loses its place to another that needs one.
	stallLimit = 2 * time.Second
	// crowdLimit is that time for a client whose address has more than a quarter of the places.
	crowdLimit = 250 * time.Millisecond

	relieveEvery = 50 * time.Millisecond
)

var errStalled = fmt.Errorf("the peer took too long with the TLS handshake, while others waited for theirs: %w", os.ErrDeadlineExceeded)

// NewHandshakes makes them for so many places and turns to compute; nil stands for as many as are asked for.
func NewHandshakes(places, compute Turns) *Handshakes {
	h := &Handshakes{places: places, compute: compute, held: map[netip.Addr]int{}}
	if places == nil {
		h.places = anyNumber{}
	}
	if compute == nil {
		h.compute = anyNumber{}
	}
	return h
}

// anyNumber are turns that nobody has to wait for.
type anyNumber struct{}

func (anyNumber) Queue(_ netip.Addr, ready func()) (leave func() bool) {
	ready()
	return func() bool { return false }
}

func (anyNumber) Done() {}

// shake is a handshake, from the time that it may begin to its end.
type shake struct {
	// Immutable.
	s    *secure
	set  *Handshakes
	from netip.Addr // whose turn it takes for a place
	turn netip.Addr // and to compute: nobody's for our own, which have every second turn

	computes bool // owned by its goroutine: it has a turn

	// Under set.mu.
	quit   [2]func()     // end the wait for a place, and for a turn
	gone   bool          // the connection was closed
	place  *list.Element // in silent; nil: the peer owes nothing
	since  time.Time     // when it became silent
	waited time.Duration // how long it was silent before
}

// run starts the handshake when there is a place, and then a turn.
func (h *Handshakes) run(s *secure, from netip.Addr) {
	k := &shake{s: s, set: h, from: from, turn: from}
	if s.conf.Client {
		k.turn = netip.Addr{}
	}
	s.ongoing = k
	h.mu.Lock()
	h.waiting++
	h.mu.Unlock()
	k.await(0, h.places, from, func() { h.begin(k) }, func() { h.count(&h.waiting, -1) })
	h.mu.Lock()
	h.watch()
	h.mu.Unlock()
}

func (h *Handshakes) count(n *int, by int) {
	h.mu.Lock()
	*n += by
	h.mu.Unlock()
}

// await queues for a turn of a kind. One of both is called: ready when it has come, left if the connection ended before.
func (k *shake) await(kind int, turns Turns, from netip.Addr, ready, left func()) {
	leave := turns.Queue(from, ready)
	quit := func() {
		if leave() {
			left()
		}
	}
	k.set.mu.Lock()
	gone := k.gone
	k.quit[kind] = quit
	k.set.mu.Unlock()
	if gone {
		quit()
	}
}

// begin is called when there is a place.
func (h *Handshakes) begin(k *shake) {
	h.mu.Lock()
	h.waiting--
	h.running++
	h.held[k.from]++
	h.mu.Unlock()
	k.await(1, h.compute, k.turn, func() { go k.work() }, func() { h.end(k) })
}

// end gives the place back.
func (h *Handshakes) end(k *shake) {
	h.mu.Lock()
	h.running--
	if h.held[k.from]--; h.held[k.from] == 0 {
		delete(h.held, k.from)
	}
	h.mu.Unlock()
	h.places.Done()
}

// work is the goroutine of a handshake.
func (k *shake) work() {
	k.computes = true
	runtime.Gosched() // the loops first: Go runs one goroutine that wakes another in a row, turn for turn
	k.s.handshake()
	if k.computes {
		k.set.compute.Done()
	}
	k.set.end(k)
}

// read is the Read of the wire. Another computes while this one waits for its peer.
func (k *shake) read(b []byte) (int, error) {
	g, h := k.s.wire.goes, k.set
	if g.idle() {
		h.mu.Lock()
		k.place, k.since = h.silent.PushBack(k), time.Now()
		h.mu.Unlock()
		k.computes = false
		h.compute.Done()
		g.await()
		h.mu.Lock()
		h.silent.Remove(k.place)
		k.place, k.waited = nil, k.waited+time.Since(k.since)
		h.mu.Unlock()
	}
	if !k.computes && !g.failed() {
		turn := make(chan bool, 1)
		k.await(1, h.compute, k.turn, func() { turn <- true }, func() { turn <- false })
		if k.computes = <-turn; !k.computes {
			return 0, net.ErrClosed
		}
		runtime.Gosched()
	}
	return g.Read(b)
}

// leave is called when the connection is closed. It waits for nothing any more.
func (k *shake) leave() {
	k.set.mu.Lock()
	k.gone = true
	quit := k.quit
	k.set.mu.Unlock()
	for _, q := range quit {
		if q != nil {
			q()
		}
	}
}

// watch looks after the handshakes whose peers are silent while others wait for places.
func (h *Handshakes) watch() {
	if !h.watched && h.waiting > 0 {
		h.watched = true
		time.AfterFunc(relieveEvery, h.relieve)
	}
}

// relieve cuts those that keep a place and let others wait.
func (h *Handshakes) relieve() {
	h.mu.Lock()
	defer h.mu.Unlock()
	wanted := h.waiting
	for e := h.silent.Front(); e != nil && wanted > 0; e = e.Next() {
		k, limit := e.Value.(*shake), stallLimit
		if !k.s.conf.Client && 4*h.held[k.from] > h.running {
			limit = crowdLimit
		}
		if k.waited+time.Since(k.since) >= limit {
			k.s.wire.goes.cutWith(errStalled)
			wanted--
		}
	}
	h.watched = false
	h.watch()
}

// Running is how many have a place: they compute, wait for their turn to, or for their peer.
func (h *Handshakes) Running() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.running
}

// Waiting is how many wait for a place.
func (h *Handshakes) Waiting() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.waiting
}
