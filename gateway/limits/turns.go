package limits

import (
	"container/list"
	"context"
	"net/netip"
	"sync"
)

// Turns are so many at once of something that costs a processor; all others wait, fairly by address.
type Turns struct {
	// Immutable.
	most   int
	prefix int

	mu    sync.Mutex
	taken int
	first queue
	last  queue // served when nobody waits in first
}

// NewTurns allows most at once, one at least. Of an IPv6 address the first prefix bits are what one client has.
func NewTurns(most, prefix int) *Turns {
	return &Turns{most: max(1, most), prefix: prefix, first: newQueue(), last: newQueue()}
}

// Queue calls ready when it is from's turn, which may be at once, on the goroutine of whoever gave the turn up: it must
// not block. Whoever had his turn calls Done. leave ends the wait, and is false if ready was called or is about to be.
func (t *Turns) Queue(from netip.Addr, ready func()) (leave func() bool) {
	return t.queue(&t.first, from, ready)
}

func (t *Turns) queue(q *queue, from netip.Addr, ready func()) (leave func() bool) {
	t.mu.Lock()
	if t.taken < t.most {
		t.taken++
		t.mu.Unlock()
		ready()
		return tooLate
	}
	defer t.mu.Unlock()
	l, place := q.add(clientOf(from, t.prefix), ready)
	return func() bool {
		t.mu.Lock()
		defer t.mu.Unlock()
		return q.remove(l, place)
	}
}

func tooLate() bool { return false }

// Done gives a turn to whoever is next.
func (t *Turns) Done() {
	t.mu.Lock()
	ready := t.first.next()
	if ready == nil {
		ready = t.last.next()
	}
	if ready == nil {
		t.taken--
	}
	t.mu.Unlock()
	if ready != nil {
		ready()
	}
}

// Wait waits until it is from's turn, which ends with Done, or until ctx has ended: then there is none.
func (t *Turns) Wait(ctx context.Context, from netip.Addr) bool { return t.wait(ctx, &t.first, from) }

// WaitLast is Wait for somebody who lets all others go first.
func (t *Turns) WaitLast(ctx context.Context, from netip.Addr) bool {
	return t.wait(ctx, &t.last, from)
}

func (t *Turns) wait(ctx context.Context, q *queue, from netip.Addr) bool {
	if ctx.Err() != nil {
		return false
	}
	ready := make(chan struct{})
	leave := t.queue(q, from, func() { close(ready) })
	select {
	case <-ready:
		return true
	case <-ctx.Done():
	}
	if leave() {
		return false
	}
	<-ready // it came just then
	t.Done()
	return false
}

// Taken is how many have their turn now.
func (t *Turns) Taken() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.taken
}

// Waiting is how many wait for theirs.
func (t *Turns) Waiting() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.first.waiting + t.last.waiting
}

// queue has a line for each address that waits, in the order in which they are served.
type queue struct {
	lines   map[netip.Addr]*line
	order   list.List // of *line, without that of those who have no address
	noneHad bool      // who has no address had the last turn
	waiting int
}

// line is who waits from one address.
type line struct {
	from  netip.Addr
	ready list.List     // of func()
	place *list.Element // in order; nil for who has no address
}

func newQueue() queue { return queue{lines: map[netip.Addr]*line{}} }

func (q *queue) add(from netip.Addr, ready func()) (*line, *list.Element) {
	l := q.lines[from]
	if l == nil {
		l = &line{from: from}
		q.lines[from] = l
		if from.IsValid() {
			l.place = q.order.PushBack(l)
		}
	}
	q.waiting++
	return l, l.ready.PushBack(ready)
}

// next takes out whoever is next; nil: nobody waits.
func (q *queue) next() func() {
	l := q.lines[netip.Addr{}]
	if front := q.order.Front(); front != nil && (l == nil || q.noneHad) {
		l = front.Value.(*line)
		q.order.MoveToBack(front)
	}
	if l == nil {
		return nil
	}
	q.noneHad = !l.from.IsValid()
	place := l.ready.Front()
	ready := place.Value.(func())
	q.remove(l, place)
	return ready
}

// remove takes somebody out, unless that was done before.
func (q *queue) remove(l *line, place *list.Element) bool {
	n := l.ready.Len()
	if l.ready.Remove(place); l.ready.Len() == n {
		return false
	}
	q.waiting--
	if n == 1 {
		delete(q.lines, l.from)
		if l.place != nil {
			q.order.Remove(l.place)
		}
	}
	return true
}
