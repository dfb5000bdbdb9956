package plan

import (
	"sync"
	"sync/atomic"
)

// part is what several plans may have in common: backends, certificates, the check of credentials. It begins with the first
// of them that comes into force, and ends when nobody holds it any more. Any goroutine.
type part struct {
	begin   func() // may be nil
	end     func() // may wait for what it ends
	parting *sync.WaitGroup

	once    sync.Once
	holders atomic.Int64
}

func (p *part) start() {
	if p.begin != nil {
		p.once.Do(p.begin)
	}
}

func (p *part) hold() { p.holders.Add(1) }

// release never waits: the last holder may be a loop.
func (p *part) release() {
	if p.holders.Add(-1) == 0 {
		p.parting.Go(p.end)
	}
}
