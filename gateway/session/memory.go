package session

import (
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"weir/gateway/rate"
)

// calm is how long no session must have come or gone before memory is given back.
const calm = time.Second

// ballast keeps the collector from running for every few megabytes of garbage while the heap is small: it runs when
// the heap has doubled, and this counts as heap. Nobody touches it, so that it takes addresses and no memory.
var ballast = make([]byte, BallastSize)

const BallastSize = 16 << 20

// giveBack returns memory to the system once a storm of handshakes or ends is over. Go's collector runs when the
// heap has grown, and forwarding does not make it grow: what a storm left would stay for as long as it is quiet.
// Without sessions coming and going it does nothing, and it takes no processor time.
type giveBack struct {
	// Any goroutine.
	last  atomic.Int64 // when a session last came or went, by rate.Now
	armed atomic.Bool
	Ended atomic.Bool
}

// touch notes that a session came or went, now by rate.Now.
func (b *giveBack) touch(now time.Duration) {
	b.last.Store(int64(now))
	if b.armed.CompareAndSwap(false, true) {
		time.AfterFunc(calm, b.look)
	}
}

func (b *giveBack) look() {
	if b.Ended.Load() {
		return
	}
	if left := calm + time.Duration(b.last.Load()) - rate.Now(); left > 0 {
		time.AfterFunc(left, b.look)
		return
	}
	b.armed.Store(false)
	if garbage() {
		debug.FreeOSMemory()
	}
}

// garbage tells whether a collection is worth its while: more than a sixteenth of the heap may be dead.
func garbage() bool {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	objects, live := s[0].Value.Uint64(), max(s[1].Value.Uint64(), BallastSize)
	objects, live = objects-BallastSize, live-BallastSize
	return objects > live+live/16+128<<10
}
