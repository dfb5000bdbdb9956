package netpoll

import (
	"errors"
	"fmt"
	"sync"
	"time"

	gneterrors "github.com/panjf2000/gnet/v2/pkg/errors"
	gnetpoll "github.com/panjf2000/gnet/v2/pkg/netpoll"
	"github.com/panjf2000/gnet/v2/pkg/queue"
	"golang.org/x/sys/unix"

	"weir/internal/invariants"
)

// ErrStopped is the answer to a task for a loop that has ended.
var ErrStopped = errors.New("netpoll: the event loop has stopped")

// Options tune a loop.
type Options struct {
	ReadBuffer int // bytes of the one buffer that all reads of the loop go through
	LowWater   int // queued bytes at or below which OnDrained is called
	Socket     SocketOptions
}

// Loop is one event loop: a goroutine, a poller, and the sockets that belong to it.
type Loop struct {
	// Immutable.
	id    int
	opts  Options
	sys   calls
	epoch time.Time

	// Owned by the loop.
	owner  invariants.Owner
	poller *gnetpoll.Poller
	wake   wakeup
	conns  map[int]*Conn
	listen map[int]*Listener
	in     []byte        // the read buffer, lent to handlers
	iov    [2]unix.Iovec // scratch of writev
	now    time.Duration
	wheel  wheel
	alarm  alarm
	later  deferred
	stats  Stats

	// Any goroutine.
	mu      sync.RWMutex // held for writing only to end the loop: Post must not touch a closed poller
	stopped bool
	done    chan struct{}
}

// Start begins a loop on a goroutine of its own, which opens all descriptors that the loop uses.
func Start(id int, opts Options) (*Loop, error) {
	l := &Loop{
		id: id, opts: opts, sys: systemCalls, epoch: time.Now(),
		conns: make(map[int]*Conn), listen: make(map[int]*Listener),
		in: make([]byte, opts.ReadBuffer), done: make(chan struct{}),
	}
	l.wheel.init()
	ready := make(chan error)
	go l.run(ready)
	if err := <-ready; err != nil {
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
	if err := l.poller.Polling(l.event); !errors.Is(err, gneterrors.ErrEngineShutdown) {
		panic(fmt.Sprintf("netpoll: loop %d: polling failed: %v", l.id, err)) // a bug: epoll_wait refused our arguments
	}
	l.shut()
}

func (l *Loop) open() (err error) {
	if l.poller, err = gnetpoll.OpenPoller(); err != nil {
		return err
	}
	if err = l.wake.open(); err == nil {
		err = l.poller.AddRead(&gnetpoll.PollAttachment{FD: l.wake.fd()}, true)
	}
	if err != nil {
		l.wake.close()
		_ = l.poller.Close()
	}
	l.tick()
	return err
}

func (l *Loop) shut() {
	l.alarm.stop()
	for _, c := range l.conns {
		c.Close()
	}
	for fd := range l.listen {
		l.sys.close(fd)
	}
	l.closeDescriptors()
	l.mu.Lock()
	l.stopped = true
	l.wake.close()
	_ = l.poller.Close()
	l.mu.Unlock()
}

// event is one turn. The flags say why the descriptor was reported; see Conn.ready for what they are worth.
func (l *Loop) event(fd int, ev gnetpoll.IOEvent, flags gnetpoll.IOFlags) error {
	l.tick()
	l.stats.Events++
	switch c := l.conns[fd]; {
	case c != nil:
		c.ready(ev, flags)
	case fd == l.wake.fd():
		l.runDeferred()
	default:
		if ln := l.listen[fd]; ln != nil {
			ln.ready()
		}
	}
	if l.stats.Events%busySample == 0 {
		l.stats.Busy += busySample * (time.Since(l.epoch) - l.now)
	}
	return nil
}

// tick reads the clock, once a turn; Now serves everybody from it.
func (l *Loop) tick() { l.now = time.Since(l.epoch) }

// Now is the time since the loop began, as of this turn. It is monotonic: wall clocks that jump do not move it.
func (l *Loop) Now() time.Duration { return l.now }

// ID is the loop's number, counted from 0.
func (l *Loop) ID() int { return l.id }

// Post runs fn on the loop. It may be called from any goroutine and does not wait; a stopped loop
// answers ErrStopped and fn never runs.
func (l *Loop) Post(fn func()) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.stopped {
		return ErrStopped
	}
	return l.poller.Trigger(queue.HighPriority, runTask, task{l, fn})
}

type task struct {
	loop *Loop
	fn   func()
}

func runTask(arg any) error {
	t := arg.(task)
	t.loop.tick()
	t.fn()
	return nil
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
		return ErrStopped
	}
}

// Stop ends the loop: it closes its sockets without a word to their handlers, and waits until that is done.
func (l *Loop) Stop() {
	l.mu.RLock()
	if !l.stopped {
		_ = l.poller.Trigger(queue.HighPriority, func(any) error { return gneterrors.ErrEngineShutdown }, nil)
	}
	l.mu.RUnlock()
	<-l.done
}
