package session

import (
	"testing"
	"time"
)

// closings plays a drain of sessions over window, with a step at a time; gone is how many end by themselves just before the
// step at now. It gives how many were closed in each tenth of the window, and the last.
func closings(sessions int, window, step time.Duration, gone func(now time.Duration, left int) int) (tenths [11]int) {
	p := pace{end: window}
	for now := time.Duration(0); sessions > 0; now += step {
		sessions -= gone(now, sessions)
		n := p.take(sessions, now, step)
		sessions -= n
		tenths[min(10, int(10*now/window))] += n
	}
	return tenths
}

// TestPace closes as many in each tenth of the time, whoever ends by himself meanwhile, and all in time.
func TestPace(t *testing.T) {
	const hour, day = time.Hour, 24 * time.Hour
	nobody := func(time.Duration, int) int { return 0 }
	for name, c := range map[string]struct {
		sessions     int
		window, step time.Duration
		gone         func(time.Duration, int) int
		each         int // of the first nine tenths
	}{
		"steady":       {1000, time.Second, time.Millisecond, nobody, 100},
		"few":          {10, time.Second, time.Millisecond, nobody, 1},
		"many":         {2_000_000, day, 20 * time.Second, nobody, 200_000},
		"coarse steps": {1000, time.Second, 100 * time.Millisecond, nobody, 100},
		"most go at once": {1000, hour, time.Second, func(now time.Duration, left int) int {
			if now == 0 {
				return 900
			}
			return 0
		}, 10},
	} {
		got := closings(c.sessions, c.window, c.step, c.gone)
		for i, n := range got[:9] {
			if n < c.each*8/10-1 || n > c.each*12/10+1 {
				t.Errorf("%s: %d closed in tenth %d, want %d: %v", name, n, i, c.each, got)
			}
		}
	}
	p := pace{end: drainStep / 4}
	if n := p.take(3, 0, drainStep); n != 3 {
		t.Errorf("%d of 3 closed in the only step", n)
	}
	if n := p.take(5, time.Hour, drainStep); n != 5 {
		t.Errorf("%d of 5 closed behind the end", n)
	}
}
