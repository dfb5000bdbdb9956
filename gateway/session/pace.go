package session

import "time"

// pace spreads the closing of sessions evenly over the time up to end, step by step. Each step counts what is left to close,
// so that sessions which end by themselves leave more time to the others. Owned by a loop.
type pace struct {
	end  time.Duration // loop time
	part float64       // of a session, due from the steps before
}

// take is how many of those left are due in the step at now; all of them in the last.
func (p *pace) take(left int, now, step time.Duration) int {
	steps := 1 + max(0, p.end-now)/step // this one included
	p.part += float64(max(0, left)) / float64(steps)
	n := int(p.part)
	p.part -= float64(n)
	return n
}

// stands tells whether a session is open and not ending.
func (s *session) stands() bool { return s.phase == talking && s.ending() == nil }
