//go:build linux

package bench

import "testing"

func TestCollector(t *testing.T) {
	var c collector
	for line, want := range map[string]bool{
		`time=2026-11-23T05:28:56Z level=INFO msg=draining sessions=0 timeout=30s`: false,
		`gc 2 forced`: false,
		`gc 3 @13.2s 0%: 0.30+30 ms clock, 0.61 ms cpu`: false,
		`gc 4 @1s 0%: a+1+b ms clock`:                   false,
	} {
		if got := c.take([]byte(line)); got != want {
			t.Errorf("%q is taken: %v", line, got)
		}
	}
	for _, line := range []string{
		"gc 8 @218.874s 0%: 0.88+1390+0.32 ms clock, 1.7+292/1051/0+0.65 ms cpu, 489->493->386 MB, 493 MB goal, 0 MB stacks, 0 MB globals, 3 P",
		"gc 9 @251.357s 0%: 0.076+682+0.25 ms clock, 1.9+0/521/268+0.17 ms cpu, 461->461->428 MB, 772 MB goal, 0 MB stacks, 0 MB globals, 3 P (forced)",
	} {
		if !c.take([]byte(line)) {
			t.Errorf("%q is not taken", line)
		}
	}
	if n, all, last := c.seen(), c.longest(0), c.longest(2); n != 4 || all != 880 || last != 250 || c.longest(4) != 0 {
		t.Errorf("%d pauses, the longest %v, of the last two %v", n, all, last)
	}
}
