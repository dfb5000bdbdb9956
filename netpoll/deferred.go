package netpoll

// deferred is what the loop puts off to the end of the batch; doc.go tells why.
// The slices are used in turn with a spare of each, so that handlers may add to them while they are walked.
type deferred struct {
	armed  bool
	failed swap[*Conn]
	resume swap[*Conn]
	dirty  swap[*Conn]
	accept swap[*Listener]
	closed []int
}

type swap[T any] struct{ list, spare []T }

func (s *swap[T]) add(v T) { s.list = append(s.list, v) }

// take hands out what was added so far; give returns its array for use again.
func (s *swap[T]) take() []T {
	list := s.list
	s.list = s.spare[:0]
	return list
}

func (s *swap[T]) give(list []T) {
	clear(list) // ended connections must not be kept alive by an array's tail
	s.spare = list[:0]
}

// putOff makes sure that runDeferred is called when the batch is over.
func (l *Loop) putOff() {
	if !l.later.armed {
		l.later.armed = true
		l.wake.atEndOfBatch()
	}
}

func (l *Loop) runDeferred() {
	l.later.armed = false

	failed := l.later.failed.take()
	for _, c := range failed {
		c.reportFailure()
	}
	l.later.failed.give(failed)

	resumed := l.later.resume.take()
	for _, c := range resumed {
		c.clear(resuming)
		c.read()
	}
	l.later.resume.give(resumed)

	dirty := l.later.dirty.take()
	for _, c := range dirty {
		c.clear(queued)
		c.flush()
	}
	l.later.dirty.give(dirty)

	accept := l.later.accept.take()
	for _, ln := range accept {
		ln.putOff = false
		ln.ready()
	}
	l.later.accept.give(accept)

	l.closeDescriptors()
}

func (l *Loop) closeDescriptors() {
	for _, fd := range l.later.closed {
		l.sys.close(fd)
	}
	l.stats.Closed += uint64(len(l.later.closed))
	l.opts.Sockets.add(-len(l.later.closed))
	l.later.closed = l.later.closed[:0]
}
