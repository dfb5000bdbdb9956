package gateway

import (
	"sync"
	"time"
)

// seldom lets a line pass once in a while, where a client or a broken server could otherwise fill the log. Any goroutine.
type seldom struct {
	mu   sync.Mutex
	next time.Time
	held int // lines left out since the last
}

// quiet is the time between two lines of a kind.
const quiet = 10 * time.Second

// due tells whether a line may pass, and how many were left out before it.
func (s *seldom) due() (ok bool, held int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Before(s.next) {
		s.held++
		return false, 0
	}
	held, s.held, s.next = s.held, 0, now.Add(quiet)
	return true, held
}
