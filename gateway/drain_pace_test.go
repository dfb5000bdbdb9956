package gateway

import (
	"testing"
	"time"
)

func TestDueBy(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		elapsed, window time.Duration
		total, want     int
	}{
		{drainStep, time.Second, 50, 1},
		{time.Second / 2, time.Second, 50, 25},
		{time.Second, time.Second, 50, 50},
		{time.Minute, time.Second, 50, 50},
		{drainStep, drainStep / 4, 1, 1},
		{time.Hour, day, 0, 0},
		{day / 2, day, 2_000_000, 1_000_000},
		{day - drainStep, day, 10_000_000, 9_999_997},
	} {
		if got := dueBy(c.elapsed, c.window, c.total); got != c.want {
			t.Errorf("%v of %v: %d of %d sessions, want %d", c.elapsed, c.window, got, c.total, c.want)
		}
	}
}
