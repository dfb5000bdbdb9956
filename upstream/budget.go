package upstream

import (
	"sync"
	"time"
)

// A budget bounds further tries, so that a fleet that is sick is not hammered: within budgetSpan a fifth of the handshakes
// may be tried again, but always minRetries a second.
type budget struct {
	mu     sync.Mutex
	span   int64 // which budgetSpan since the epoch the counts are of
	now    tries
	before tries // of the span before
}

// tries are counts of a span.
type tries struct{ first, further float64 }

const (
	budgetSpan  = 10 * time.Second
	retryShare  = 0.2
	minRetries  = 10 // a second
	budgetFloor = float64(minRetries * int64(budgetSpan/time.Second))
)

// turn moves the counts on, and tells how much of the span before is still within the last budgetSpan.
func (b *budget) turn(now time.Time) (left float64) {
	span := now.UnixNano() / int64(budgetSpan)
	switch b.span {
	case span:
	case span - 1:
		b.before, b.now = b.now, tries{}
	default:
		b.before, b.now = tries{}, tries{}
	}
	b.span = span
	return 1 - float64(now.UnixNano()%int64(budgetSpan))/float64(budgetSpan)
}

// first counts a handshake.
func (b *budget) first() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn(time.Now())
	b.now.first++
}

// further tells whether one more try may be made, and counts it.
func (b *budget) further() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := b.turn(time.Now())
	if b.now.further+left*b.before.further+1 > max(budgetFloor, retryShare*(b.now.first+left*b.before.first)) {
		return false
	}
	b.now.further++
	return true
}

// Begin counts a handshake, or a plain request, for the budget of further tries.
func (g *Group) Begin() { g.budget.first() }

// MayRetry tells whether one that failed may be tried at another endpoint, and counts that. A fifth of those of the last ten
// seconds may, and always ten a second.
func (g *Group) MayRetry() bool {
	ok := g.budget.further()
	if !ok && g.options.OnRetryDenied != nil {
		g.options.OnRetryDenied()
	}
	return ok
}
