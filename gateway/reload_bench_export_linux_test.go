package gateway

import (
	"runtime"
	"sync/atomic"
	"time"

	sys "golang.org/x/sys/unix"
)

// WatchTurns has every loop run an empty task in each turn until stop is called, which gives the longest processor time that a
// loop has spent between two of them: so long were its clients held up, whatever else the machine did.
func WatchTurns(g *Gateway) (stop func() time.Duration) {
	var longest atomic.Int64
	var stopped atomic.Bool
	for _, sh := range g.shards {
		last := time.Duration(0)
		var probe func()
		probe = func() {
			now := threadTime()
			switch held := int64(now - last); {
			case last == 0:
				runtime.LockOSThread() // so that the thread's time is the loop's
			case stopped.Load():
				runtime.UnlockOSThread()
				return
			default:
				for was := longest.Load(); held > was && !longest.CompareAndSwap(was, held); was = longest.Load() {
				}
			}
			last = threadTime()
			_ = sh.Loop.Post(probe)
		}
		_ = sh.Loop.Post(probe)
	}
	return func() time.Duration {
		stopped.Store(true)
		return time.Duration(longest.Load())
	}
}

// threadTime is the processor time of this thread.
func threadTime() time.Duration {
	var ts sys.Timespec
	_ = sys.ClockGettime(sys.CLOCK_THREAD_CPUTIME_ID, &ts)
	return time.Duration(ts.Nano())
}
