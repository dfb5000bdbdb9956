package netpoll

import (
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Sockets are those of clients and backends that are open in one file table, against a bound that leaves descriptors for
// whatever else the process does. A nil one has no bound. Any goroutine.
type Sockets struct {
	// Immutable.
	max   int64
	short func()

	open atomic.Int64
}

// NewSockets makes room for max. short is called where one more was wanted, by whoever did, and must not wait; nil: nobody is.
func NewSockets(max int, short func()) *Sockets {
	if short == nil {
		short = func() {}
	}
	return &Sockets{max: int64(max), short: short}
}

// errNoSocket is what the kernel says too, when it has no descriptor.
var errNoSocket = fmt.Errorf("the gateway has as many sockets open as it may have: %w", unix.EMFILE)

// Take counts a socket that is going to be opened, until Give. The error says that there are as many as there may be.
func (s *Sockets) Take() error {
	if s == nil || s.open.Add(1) <= s.max {
		return nil
	}
	s.open.Add(-1)
	s.short()
	return errNoSocket
}

// add counts sockets that are open.
func (s *Sockets) add(n int) {
	if s != nil {
		s.open.Add(int64(n))
	}
}

// Give takes a socket off that is closed.
func (s *Sockets) Give() { s.add(-1) }

// Full tells whether there are as many sockets as may be, and more beyond.
func (s *Sockets) Full(more int) bool { return s != nil && s.open.Load() >= s.max+int64(more) }

// Open is how many are open.
func (s *Sockets) Open() int {
	if s == nil {
		return 0
	}
	return int(s.open.Load())
}
