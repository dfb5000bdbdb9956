package netpoll

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

type onTimer func(*Timer)

func (f onTimer) OnTimer(t *Timer) { f(t) }

// to moves a fake loop's clock and rings, as the alarm would.
func (l *Loop) to(now time.Duration) {
	l.now = now
	for l.ring(); l.wheel.at < int64(now/tick); l.ring() { // it stops when it has taken too long
	}
}

// A loop that is late for many ticks does not do all of them in one turn, and leaves none out.
func TestLateTimersTakeTurns(t *testing.T) {
	l := fakeLoop(t, &kernel{})
	const all = 20
	timers := make([]Timer, all)
	fired := 0
	for i := range timers {
		l.Schedule(&timers[i], time.Duration(i+1)*tick, onTimer(func(*Timer) { fired++; time.Sleep(ringTime / 4) }))
	}
	l.now = time.Hour
	turns := 0
	for ; fired < all; turns++ {
		before := fired
		if l.ring(); fired == before {
			t.Fatalf("nothing was fired in turn %d, after %d timers", turns, fired)
		}
	}
	if turns < all/4 {
		t.Errorf("%d timers took %d turns", all, turns)
	}
}

// The wheel against a plain model: a table of deadlines. Each timer must fire at the very tick it is due, in
// order, whatever is set, moved and cancelled meanwhile, from outside and from inside handlers.
func TestWheelAgainstModel(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		l := fakeLoop(t, &kernel{})
		l.now = time.Duration(rnd.Int64N(int64(100 * time.Hour))) // nothing was set for so long
		timers := make([]Timer, 300)
		model := map[*Timer]int64{}
		reach := []time.Duration{0, 3 * tick, 64 * tick, time.Minute, time.Hour, 50 * time.Hour, 500 * time.Hour}
		fired := 0
		var change func()
		handler := onTimer(func(tm *Timer) {
			fired++
			if due, set := model[tm]; !set || due != l.wheel.at {
				t.Fatalf("seed %d: fired at %d, due %d, set %v", seed, l.wheel.at, due, set)
			}
			for _, due := range model {
				if due < l.wheel.at {
					t.Fatalf("seed %d: one due at %d was passed over at %d", seed, due, l.wheel.at)
				}
			}
			delete(model, tm)
			if rnd.IntN(3) > 0 {
				change()
			}
		})
		change = func() {
			tm := &timers[rnd.IntN(len(timers))]
			if rnd.IntN(4) == 0 {
				l.Cancel(tm)
				delete(model, tm)
				return
			}
			d := time.Duration(rnd.Int64N(int64(reach[rnd.IntN(len(reach))]) + 1))
			l.Schedule(tm, d, handler)
			model[tm] = max(int64((l.now+d+tick-1)/tick), l.wheel.at+1) // this tick is over: the next
		}
		for range 300 {
			for range rnd.IntN(20) {
				change()
			}
			now := l.now + time.Duration(rnd.Int64N(int64(reach[rnd.IntN(len(reach))])+1))
			if rnd.IntN(2) == 0 && l.wheel.next() != 0 { // as the alarm does: exactly to the next slot in use
				now = max(l.now, time.Duration(l.wheel.next())*tick)
			}
			l.to(now)
			for tm, due := range model {
				if !tm.Set() {
					t.Fatalf("seed %d: a timer is lost", seed)
				}
				if due <= int64(now/tick) {
					t.Fatalf("seed %d: due at %d, not fired at %d", seed, due, int64(now/tick))
				}
			}
			for i := range timers {
				if _, set := model[&timers[i]]; set != timers[i].Set() {
					t.Fatalf("seed %d: Set says %v", seed, !set)
				}
			}
		}
		if fired < 100 {
			t.Errorf("seed %d: only %d fired", seed, fired)
		}
	}
}

func TestTimerEdges(t *testing.T) {
	for name, tt := range map[string]struct {
		after time.Duration
		due   time.Duration // first fake time at which it must have fired
	}{
		"now":              {0, tick},
		"past":             {-time.Hour, tick},
		"rounded up":       {tick + 1, 2 * tick},
		"a level's edge":   {64 * tick, 64 * tick},
		"two levels' edge": {4096 * tick, 4096 * tick},
		"the reach":        {1 << 24 * tick, 1 << 24 * tick},
		"beyond the reach": {100 * time.Hour, 100 * time.Hour},
		"a month":          {720 * time.Hour, 720 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			l := fakeLoop(t, &kernel{})
			var tm Timer
			var at time.Duration
			l.Schedule(&tm, tt.after, onTimer(func(*Timer) { at = l.now }))
			for wakes := 0; tm.Set(); wakes++ {
				if wakes > 64 || l.alarm.at == 0 {
					t.Fatalf("after %d wakes the alarm is at %d", wakes, l.alarm.at)
				}
				l.to(time.Duration(l.alarm.at) * tick)
			}
			if at != tt.due {
				t.Errorf("fired at %v, want %v", at, tt.due)
			}
		})
	}
}

// A deadline that is meant never to come must not come at once because it overflows.
func TestTimerNever(t *testing.T) {
	l := fakeLoop(t, &kernel{})
	l.now = time.Hour
	var tm Timer
	l.Schedule(&tm, math.MaxInt64, onTimer(func(*Timer) { t.Error("it came") }))
	l.to(2 * time.Hour)
	l.to(2000 * time.Hour)
	if !tm.Set() {
		t.Error("lost")
	}
}

// The handlers of one slot may cancel and move each other.
func TestTimersOfOneSlotChangeEachOther(t *testing.T) {
	l := fakeLoop(t, &kernel{})
	var a, b, c Timer
	var heard []string
	note := func(s string) TimerHandler { return onTimer(func(*Timer) { heard = append(heard, s) }) }
	l.Schedule(&a, tick, onTimer(func(tm *Timer) {
		heard = append(heard, "a")
		l.Cancel(&b)
		l.Cancel(tm)
		l.Schedule(&c, tick, note("c later"))
		l.Schedule(tm, 0, note("a again"))
	}))
	l.Schedule(&b, tick, note("b"))
	l.Schedule(&c, tick, note("c"))
	l.to(tick)
	if len(heard) != 1 || b.Set() || !c.Set() || !a.Set() {
		t.Fatalf("heard %q", heard)
	}
	l.to(2 * tick)
	if len(heard) != 3 {
		t.Fatalf("heard %q", heard)
	}
}

// Deadlines that were cancelled or put off cost the idle loop a few wakes at most, and then none.
func TestAlarmGoesQuiet(t *testing.T) {
	l := fakeLoop(t, &kernel{})
	timers := make([]Timer, 1000)
	for i := range timers {
		l.Schedule(&timers[i], 30*time.Second+time.Duration(i)*time.Minute, onTimer(func(*Timer) { t.Error("fired") }))
	}
	for i := range timers {
		l.Cancel(&timers[i])
	}
	wakes := 0
	for ; l.alarm.at != 0; wakes++ {
		l.to(time.Duration(l.alarm.at) * tick)
	}
	if wakes > levels*wheelSlots {
		t.Errorf("%d wakes for cancelled timers", wakes)
	}
}

func BenchmarkReschedule(b *testing.B) {
	l := &Loop{stopped: true}
	l.wheel.init()
	timers := make([]Timer, 1<<12)
	h := onTimer(func(*Timer) {})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		l.now += time.Microsecond
		l.Schedule(&timers[i&(len(timers)-1)], time.Minute, h)
	}
	l.alarm.stop()
}
