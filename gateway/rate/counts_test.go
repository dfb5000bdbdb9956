package rate_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"weir/gateway/rate"
)

func TestCountsAgainstMap(t *testing.T) {
	const keys, limit = 3000, 4
	r := rand.New(rand.NewPCG(11, 12))
	counts, want := rate.NewCounts(keys), map[rate.Key]int{}
	for i := range 200_000 {
		k := key(r.IntN(keys))
		switch {
		case r.IntN(1000) == 0:
			counts.Sweep()
		case r.IntN(2) == 0:
			if got := counts.Enter(k, limit); got != (want[k] < limit) {
				t.Fatalf("step %d: Enter is %v with %d", i, got, want[k])
			} else if got {
				want[k]++
			}
		case want[k] > 0:
			counts.Leave(k)
			want[k]--
		}
		if got := counts.Count(k); got != want[k] {
			t.Fatalf("step %d: %d, want %d", i, got, want[k])
		}
	}
}

func TestCountsEdges(t *testing.T) {
	counts := rate.NewCounts(10)
	k := key(1)
	counts.Leave(k) // nobody was there
	if counts.Enter(k, 0) || counts.Enter(k, -1) || counts.Count(k) != 0 || counts.Len() != 0 {
		t.Error("somebody entered")
	}
	if !counts.Enter(k, 1) || counts.Enter(k, 1) || !counts.Enter(k, 2) {
		t.Error("the limit asked for last does not hold")
	}
	counts.Leave(k)
	counts.Leave(k)
	counts.Leave(k)
	if counts.Count(k) != 0 || !counts.Enter(k, 1) || counts.Len() != 1 {
		t.Error("more left than were there")
	}
}

// One key has many places' worth of entries; keys that left make room for others.
func TestCountsFull(t *testing.T) {
	const room = 3000
	counts := rate.NewCounts(room)
	entered := 0
	for i := range 4 * room {
		if counts.Enter(key(i), 1) {
			entered++
		}
	}
	if entered < room || entered != counts.Len() || counts.Crowded() != uint64(4*room-entered) {
		t.Errorf("%d entered, %d held, %d crowded", entered, counts.Len(), counts.Crowded())
	}
	for i := range 4 * room {
		counts.Leave(key(i)) // of those that had not entered too
	}
	for i := range room {
		if !counts.Enter(key(i+1<<30), 1) {
			t.Fatalf("key %d found no place after all had left", i)
		}
	}
}

func TestCountsConcurrently(t *testing.T) {
	const limit = 7
	counts := rate.NewCounts(2000)
	var inside, most atomic.Int64
	var all sync.WaitGroup
	for g := range 16 {
		all.Go(func() {
			for i := range 2000 {
				other := key(1 + g*2000 + i)
				counts.Enter(other, 1)
				if counts.Enter(key(0), limit) {
					if n := inside.Add(1); n > most.Load() {
						most.Store(n)
					}
					inside.Add(-1)
					counts.Leave(key(0))
				}
				counts.Leave(other)
			}
		})
	}
	all.Wait()
	if most.Load() > limit || counts.Count(key(0)) != 0 {
		t.Errorf("%d were inside, %d are left", most.Load(), counts.Count(key(0)))
	}
}

func BenchmarkCounts(b *testing.B) {
	counts := rate.NewCounts(100_000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		k := key(i % 100_000)
		if !counts.Enter(k, 10) {
			b.Fatal("no place")
		}
		counts.Leave(k)
	}
}
