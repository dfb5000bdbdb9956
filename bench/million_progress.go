//go:build linux

package bench

import (
	"fmt"
	"sync"
	"time"

	"weir/bench/proc"
)

const narrateEvery = 5 * time.Second

// enter begins a phase and says so.
func (s *stage) enter(phase string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase, s.began = phase, time.Now()
	fmt.Fprintf(s.plan.Progress, "%d connections: %s\n", s.plan.Conns, phase)
}

// narrate says every few seconds how far it is, until the function it returns is called.
func (s *stage) narrate() (stop func()) {
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		ticker := time.NewTicker(narrateEvery)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				s.tell()
			}
		}
	})
	return func() { close(done); group.Wait() }
}

func (s *stage) tell() {
	if s.swarm == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	rss, err := proc.ReadRSS(s.gateway.Pid)
	if err != nil {
		return // it has ended, as whoever awaits it will tell
	}
	fmt.Fprintf(s.plan.Progress, "%d connections: %s for %.0f s, %d open, weir has %d MB\n",
		s.plan.Conns, s.phase, time.Since(s.began).Seconds(), s.swarm.Live(), rss>>20)
}
