package rate_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"

	"weir/gateway/rate"
)

// model is a token bucket written down plainly.
type model struct {
	limit  *rate.Limit
	tokens float64
	at     time.Duration
}

func newModel(l *rate.Limit) *model { return &model{limit: l, tokens: l.Burst} }

func (m *model) refill(now time.Duration) {
	if now > m.at {
		m.tokens = min(m.limit.Burst, m.tokens+m.limit.N*float64(now-m.at)/float64(m.limit.Per))
		m.at = now
	}
}

// near is where rounding may decide: a few ticks' worth of tokens.
func (m *model) near(n float64) bool {
	return math.Abs(m.tokens-n) <= 1e-6+4*m.limit.N/float64(m.limit.Per)
}

var limits = []string{"100/60s", "1/s", "3/s", "7/s burst 50", "0.3/s burst 2", "64KiB/s", "10MiB/s burst 1MiB", "1GiB/s", "1/h burst 24", "1000000/s", "11/168h", "1/100ms"}

func TestBucketAgainstModel(t *testing.T) {
	for _, text := range limits {
		l := parse(t, text)
		r := rand.New(rand.NewPCG(3, 4))
		b, m, passed, now := new(rate.Bucket), newModel(l), 0.0, time.Duration(0)
		fill := time.Duration(l.Burst / l.N * float64(l.Per)) // of an empty bucket
		for range min(20_000, int(40_000*time.Hour/fill)) {   // nine years are the end
			if r.IntN(2) == 0 {
				now += time.Duration(r.Float64() * r.Float64() * float64(fill) / 2)
			}
			n := math.Ceil(r.Float64() * r.Float64() * r.Float64() * l.Burst)
			m.refill(now)
			wait := b.Wait(l, now, n)
			ok := b.Take(l, now, n)
			if ok != (wait == 0) {
				t.Fatalf("%s at %v: Take(%v) is %v after Wait %v", text, now, n, ok, wait)
			}
			if ok != (m.tokens >= n) && !m.near(n) {
				t.Fatalf("%s at %v: Take(%v) is %v with %v tokens", text, now, n, ok, m.tokens)
			}
			if ok {
				m.tokens -= n
				passed += n
			} else if c := *b; c.Take(l, now+wait-1, n) || !c.Take(l, now+wait, n) {
				t.Fatalf("%s at %v: Wait(%v) is not %v", text, now, n, wait)
			}
		}
		if most := l.Burst + l.N*float64(now)/float64(l.Per); passed > most*1.001 || passed < most*0.2 {
			t.Errorf("%s: %v of %v passed in %v", text, passed, most, now)
		}
	}
}

// While the clock stands exactly the burst passes, whatever the rounding.
func TestBurstIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		l := &rate.Limit{N: float64(1 + r.IntN(5000)), Per: time.Duration(1+r.IntN(100_000)) * time.Millisecond, Burst: float64(1 + r.IntN(500))}
		now := time.Duration(r.Int64N(int64(1000 * time.Hour)))
		var b rate.Bucket
		for i := range int(l.Burst) {
			if !b.Take(l, now, 1) {
				t.Fatalf("%+v at %v: only %d passed", l, now, i)
			}
		}
		if b.Take(l, now, 1) {
			t.Fatalf("%+v at %v: more than the burst passed", l, now)
		}
	}
}

func TestLimitOverTime(t *testing.T) {
	l := parse(t, "100/60s")
	var b rate.Bucket
	passed := 0
	for now := time.Duration(0); now < 10*time.Minute; now += 10 * time.Millisecond {
		if b.Take(l, now, 1) {
			passed++
		}
	}
	if passed != 100+999 { // the burst, and one each 600 ms from the first on
		t.Errorf("%d passed", passed)
	}
}

func TestSpend(t *testing.T) {
	l := parse(t, "1000B/s burst 500B")
	var b rate.Bucket
	for _, step := range []struct {
		at   time.Duration
		n    float64
		want time.Duration
	}{
		{0, 500, 0},
		{0, 100, 100 * time.Millisecond},
		{50 * time.Millisecond, 0, 0},
		{100 * time.Millisecond, 10_000, 10 * time.Second},
		{5100 * time.Millisecond, 1000, 6 * time.Second},
		{11100 * time.Millisecond, 1, time.Millisecond},
		{time.Hour, 500, 0},
	} {
		if got := b.Spend(l, step.at, step.n); got != step.want {
			t.Errorf("at %v, %v bytes: wait %v, want %v", step.at, step.n, got, step.want)
		}
	}
}

// Whoever obeys Spend's waits sends no faster than the limit, whatever the sizes.
func TestSpendKeepsTheRate(t *testing.T) {
	l := parse(t, "64KiB/s")
	r := rand.New(rand.NewPCG(7, 8))
	var b rate.Bucket
	var now time.Duration
	sent := 0.0
	for range 10_000 {
		n := float64(1 + r.IntN(256<<10))
		sent += n
		now += b.Spend(l, now, n)
	}
	most := l.Burst + l.N*now.Seconds()
	if sent > most*1.0001 || sent < most*0.999 {
		t.Errorf("%v bytes in %v, want %v", sent, now, most)
	}
}

func TestBucketEdges(t *testing.T) {
	l := parse(t, "10/s")
	var b rate.Bucket
	if b.Take(l, 0, 10.5) || b.Wait(l, 0, 11) != rate.Never {
		t.Error("more than the burst was there")
	}
	if !b.Take(l, 0, 0) || !b.Take(l, 0, -1) || !b.Take(l, 0, math.NaN()) || b.Wait(l, 0, -5) != 0 {
		t.Error("nothing was not there")
	}
	if !b.Take(l, 0, 10) || b.Take(l, 0, 1) {
		t.Error("taking nothing changed the bucket")
	}
	for range 10 {
		if b.Spend(l, 0, math.Inf(1)) <= 0 || b.Spend(l, math.MaxInt64, math.MaxFloat64) <= 0 || b.Take(l, time.Hour, 1) {
			t.Fatal("an endless debt wrapped around")
		}
	}
	var off rate.Limit
	if !b.Take(&off, 0, 1e9) || b.Wait(&off, 0, 1e9) != 0 || b.Spend(&off, 0, 1e9) != 0 {
		t.Error("the zero Limit limits")
	}
}

func TestClock(t *testing.T) {
	l := parse(t, "10/s")
	var b rate.Bucket
	if !b.Take(l, time.Minute, 10) {
		t.Fatal("not full at first")
	}
	for _, c := range []struct {
		now  time.Duration
		want bool
	}{
		{time.Minute, false},               // stands
		{time.Minute - time.Second, false}, // goes back: nothing comes in
		{0, false},
		{-time.Hour, false},
		{math.MinInt64, false},
		{time.Minute + 99*time.Millisecond, false},
		{time.Minute + 100*time.Millisecond, true},
		{time.Minute + 100*time.Millisecond, false},
		{100_000 * time.Hour, true}, // nine years are the end; time stands from there on
	} {
		if got := b.Take(l, c.now, 1); got != c.want {
			t.Errorf("at %v: %v", c.now, got)
		}
	}
	b = rate.Bucket{}
	for i := range 12 {
		if got := b.Take(l, math.MaxInt64, 1); got != (i < 10) {
			t.Errorf("at the end of time, %d: %v", i, got)
		}
	}
	b = rate.Bucket{}
	if !b.Take(l, -time.Hour, 10) || b.Take(l, 0, 1) || !b.Take(l, 100*time.Millisecond, 1) {
		t.Error("time before the start is not the start")
	}
}

func TestBucketIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(rate.Bucket{}); size != 8 {
		t.Errorf("%d bytes", size)
	}
	l, b := parse(t, "10/s"), new(rate.Bucket)
	if n := testing.AllocsPerRun(100, func() { b.Take(l, 0, 1); b.Wait(l, 0, 1); b.Spend(l, 0, 1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkBucketTake(b *testing.B) {
	l := parse(b, "1000000/s")
	var bucket rate.Bucket
	var now time.Duration
	for b.Loop() {
		now += 2000
		if !bucket.Take(l, now, 1) {
			b.Fatal()
		}
	}
}

// Available is what Take takes, and no more.
func TestAvailable(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		l := &rate.Limit{N: 1 + random.Float64()*1e4, Per: time.Duration(1 + random.Int64N(int64(time.Minute)))}
		l.Burst = 1 + math.Floor(random.Float64()*l.N)
		var b rate.Bucket
		now := time.Duration(random.Int64N(int64(time.Hour)))
		b.Take(l, now, math.Floor(random.Float64()*l.Burst))
		n, other := b.Available(l, now), b
		if n > 0 && !b.Take(l, now, float64(n)) {
			t.Fatalf("%+v: %d are available and cannot be taken", l, n)
		}
		if other.Take(l, now, float64(n+2)) { // one may be lost to rounding
			t.Fatalf("%+v: %d are available, %d can be taken", l, n, n+2)
		}
	}
	var b rate.Bucket
	if n := b.Available(&rate.Limit{}, 0); n != math.MaxUint64 {
		t.Errorf("%d are available without a limit", n)
	}
}

// What is given back can be taken again, and no more than that.
func TestGive(t *testing.T) {
	l := parse(t, "10/s burst 5")
	var b rate.Bucket
	now := time.Second
	if !b.Take(l, now, 3) || !b.Take(l, now, 2) {
		t.Fatal("a full bucket gives nothing")
	}
	b.Give(l, 2)
	if n := b.Available(l, now); n != 2 {
		t.Errorf("%d are there", n)
	}
	b.Give(l, 3)
	if b.Give(l, 0); b.Available(l, now) != 5 || b.Take(l, now, 6) {
		t.Error("more or less than a full bucket")
	}
}
