package observe

import (
	"sync"
	"time"
)

// Limiter lets a line pass once in a while, where a client or a broken server could otherwise fill the log. Any goroutine.
type Limiter struct {
	mu   sync.Mutex
	next time.Time
	held int // lines left out since the last
}

// Quiet is the time between two lines of a kind.
const Quiet = 10 * time.Second

// Due tells whether a line may pass, and how many were left out before it.
func (l *Limiter) Due() (ok bool, held int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.Before(l.next) {
		l.held++
		return false, 0
	}
	held, l.held, l.next = l.held, 0, now.Add(Quiet)
	return true, held
}
