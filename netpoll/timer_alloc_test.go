//go:build !debug

package netpoll

import (
	"testing"
	"time"
)

func TestTimerAllocatesNothing(t *testing.T) {
	l := fakeLoop(t, &kernel{})
	timers := make([]Timer, 64)
	h := onTimer(func(*Timer) {})
	for i := range timers {
		l.Schedule(&timers[i], time.Hour, h)
	}
	i := 0
	if n := testing.AllocsPerRun(1000, func() {
		tm := &timers[i%len(timers)]
		i++
		l.now += time.Millisecond
		l.Schedule(tm, time.Minute, h)
		l.Cancel(tm)
		l.Schedule(tm, time.Second, h)
	}); n != 0 {
		t.Errorf("%v allocations to reschedule", n)
	}
}
