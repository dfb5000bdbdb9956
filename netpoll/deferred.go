package netpoll

// deferred is what the loop puts off to the end of the batch; doc.go tells why.
// The slices are used in turn with a spare of each, so that handlers may add to them while they are walked.
type deferred struct {
	armed  bool
	failed swap
	resume swap
	dirty  swap
	closed []int
}

type swap struct{ list, spare []*Conn }

func (s *swap) add(c *Conn) { s.list = append(s.list, c) }

// take hands out what was added so far; give returns its array for use again.
func (s *swap) take() []*Conn {
	list := s.list
	s.list = s.spare[:0]
	return list
}

func (s *swap) give(list []*Conn) {
	clear(list) // ended connections must not be kept alive by an array's tail
	s.spare = list[:0]
}

// putOff makes sure that runDeferred is called behind the events that are ready now.
func (l *Loop) putOff() {
	if !l.later.armed {
		l.later.armed = true
		l.wake.signal()
	}
}

func (l *Loop) runDeferred() {
	l.later.armed = false
	l.wake.drain()

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

	l.closeDescriptors()
}

func (l *Loop) closeDescriptors() {
	for _, fd := range l.later.closed {
		l.sys.close(fd)
	}
	l.stats.Closed += uint64(len(l.later.closed))
	l.later.closed = l.later.closed[:0]
}
