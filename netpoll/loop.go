package netpoll

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"time"

	gnetpoll "github.com/panjf2000/gnet/v2/pkg/netpoll"
	"golang.org/x/sys/unix"

	"weir/internal/invariants"
	"weir/internal/table"
)

// ErrStopped is the answer to a task for a loop that has ended.
var ErrStopped = errors.New("netpoll: the event loop has stopped")

// Options tune a loop.
type Options struct {
	ReadBuffer int // bytes of the one buffer that all reads of the loop go through
	LowWater   int // queued bytes at or below which OnDrained is called
	Socket     SocketOptions
	Sockets    *Sockets        // counts what the loop opens and accepts; acceptors look at it; nil: no bound
	Yields     bool            // tells Go's scheduler of each wait, as it has no processor to spare for this loop
	OwnFiles   bool            // a table of open files for this loop alone, with the whole limit for it (Linux; doc.go)
	Keep       []int           // descriptors that stay in such a table: listening sockets for ListenOn
	OnRest     func(err error) // told on the loop of each rest of a listener (Stats.AcceptPauses) and why; nil: nobody is
}

// Loop is one event loop: a goroutine, a poller, and the sockets that belong to it.
type Loop struct {
	// Immutable.
	id    int
	opts  Options
	sys   calls
	epoch time.Time

	// Owned by the loop.
	owner   invariants.Owner
	poller  *gnetpoll.Poller
	wake    wakeup
	outlet  outlet
	conns   table.Table[*Conn]
	listen  map[int]*Listener
	in      []byte        // the read buffer, lent to handlers
	iov     [2]unix.Iovec // scratch of writev
	plain   []byte        // what TLS decrypts to, lent to handlers; nil without TLS
	records bytes.Buffer  // what TLS reads records into
	now     time.Duration
	wheel   wheel
	alarm   alarm
	later   deferred
	probes  probes
	stats   Stats

	linger     time.Duration // how long to wait without the scheduler, see poll_linux.go
	collecting bool          // small writes are queued until the batch is over
	stopping   bool

	// Any goroutine.
	mu      sync.Mutex
	tasks   []func() // under mu
	stopped bool     // under mu: the wake descriptor is closed
	done    chan struct{}
}

// Start begins a loop on a goroutine of its own, which opens all descriptors that the loop uses but the one that wakes it:
// that is for whoever posts, too.
func Start(id int, opts Options) (*Loop, error) {
	l := &Loop{
		id: id, opts: opts, sys: systemCalls, epoch: time.Now(),
		listen: make(map[int]*Listener),
		in:     make([]byte, opts.ReadBuffer), done: make(chan struct{}),
	}
	l.wheel.init()
	l.probes.loop = l
	err := l.wake.open()
	if err == nil && opts.OwnFiles {
		err = l.outlet.open()
	}
	if err == nil {
		ready := make(chan error)
		if opts.OwnFiles {
			go apart(func() { l.run(ready) })
		} else {
			go l.run(ready)
		}
		err = <-ready
		if opts.OwnFiles {
			l.outlet.parted()
		}
	}
	if err != nil {
		l.closeShared()
		return nil, fmt.Errorf("netpoll: loop %d: %w", id, err)
	}
	return l, nil
}

func (l *Loop) run(ready chan<- error) {
	defer close(l.done)
	l.owner.Bind()
	if err := l.open(); err != nil {
		ready <- err
		return
	}
	ready <- nil
	if err := l.poll(); err != nil {
		panic(fmt.Sprintf("netpoll: loop %d: polling failed: %v", l.id, err)) // a bug: the kernel refused our arguments
	}
	l.shut()
}

// closeShared closes what is in the process's table even where the loop has one of its own.
func (l *Loop) closeShared() {
	l.wake.close()
	l.outlet.close()
}

func (l *Loop) open() (err error) {
	if l.opts.OwnFiles {
		if err = l.ownFiles(); err != nil {
			return err
		}
	}
	if l.poller, err = gnetpoll.OpenPoller(); err != nil {
		return err
	}
	if err = l.poller.AddRead(&gnetpoll.PollAttachment{FD: l.wake.fd()}, true); err != nil {
		_ = l.poller.Close()
	}
	l.tick()
	return err
}

func (l *Loop) shut() {
	l.alarm.stop()
	for _, c := range l.conns.All() {
		if g, ok := c.handler.(*goConn); ok {
			g.cut()
		}
		c.Close()
	}
	for fd := range l.listen {
		l.sys.close(fd)
	}
	l.closeDescriptors()
	_ = l.poller.Close()
}

// Collect makes small writes wait for the end of the batch, as if they were queued, until it is switched off:
// for a reader of bytes that are meant for many connections, and perhaps more than once for each.
func (l *Loop) Collect(on bool) { l.collecting = on }

// event is one turn. The flags say why the descriptor was reported; see Conn.ready for what they are worth.
func (l *Loop) event(fd int, ev gnetpoll.IOEvent, flags gnetpoll.IOFlags) {
	l.stats.Events++
	switch c := l.conns.Get(uint32(fd)); {
	case c != nil:
		c.ready(ev, flags)
	case fd == l.wake.fd():
		l.wake.drain()
		l.runTasks()
	default:
		if ln := l.listen[fd]; ln != nil {
			ln.ready()
		}
	}
}

// tick reads the clock, once a batch; Now serves everybody from it.
func (l *Loop) tick() { l.now = time.Since(l.epoch) }

// Now is the time since the loop began, as of this batch. It is monotonic: wall clocks that jump do not move it.
func (l *Loop) Now() time.Duration { return l.now }

// ID is the loop's number, counted from 0.
func (l *Loop) ID() int { return l.id }

// Post runs fn on the loop. It may be called from any goroutine and does not wait; a stopped loop
// answers ErrStopped and fn never runs. A task posted while the loop is being stopped may not run either.
func (l *Loop) Post(fn func()) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return ErrStopped
	}
	if l.tasks = append(l.tasks, fn); len(l.tasks) > 1 {
		return nil // whoever posted the first has woken the loop
	}
	if l.opts.OwnFiles {
		go l.signal() // the caller may be another loop, in whose table the number is not ours
	} else {
		l.wake.signal()
	}
	return nil
}

// signal wakes the loop from a goroutine that is none.
func (l *Loop) signal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.stopped {
		l.wake.signal()
	}
}

func (l *Loop) runTasks() {
	l.mu.Lock()
	tasks := l.tasks
	l.tasks = nil
	l.mu.Unlock()
	for _, fn := range tasks {
		fn()
	}
}

// Do runs fn on the loop and waits for it. It must not be called from a loop.
func (l *Loop) Do(fn func()) error {
	ran := make(chan struct{})
	if err := l.Post(func() { fn(); close(ran) }); err != nil {
		return err
	}
	select {
	case <-ran:
		return nil
	case <-l.done:
	}
	select { // it may have run just before the loop ended
	case <-ran:
		return nil
	default:
		return ErrStopped
	}
}

// Stop ends the loop: it closes its sockets without a word to their handlers, and waits until that is done. It must not be
// called from a loop.
func (l *Loop) Stop() {
	_ = l.Post(func() { l.stopping = true })
	<-l.done
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.stopped {
		l.stopped = true
		l.closeShared()
	}
}
