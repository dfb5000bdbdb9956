package netpoll

import "testing"

// BenchmarkWheel has deadlines of up to a quarter of an hour fall due, through all levels on their way.
func BenchmarkWheel(b *testing.B) {
	const n = 1 << 12
	var w wheel
	w.init()
	fired := 0
	h := onTimer(func(*Timer) { fired++ })
	timers := make([]Timer, n)
	b.ReportAllocs()
	for b.Loop() {
		for i := range timers {
			timers[i].handler = h
			timers[i].due = w.at + 1 + int64(i)*23
			w.insert(&timers[i])
		}
		fired = 0
		for to := w.at + n*23; w.advance(to); {
		}
		if fired != n {
			b.Fatalf("%d of %d timers fired", fired, n)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/timer")
}
