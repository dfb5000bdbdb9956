package rate_test

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/gateway/rate"
)

// key is the i-th of many; they differ in few bits, as addresses of one network do.
func key(i int) (k rate.Key) {
	binary.BigEndian.PutUint64(k[8:], uint64(i))
	return k
}

// A table is a map of buckets, as long as it has room.
func TestTableAgainstBuckets(t *testing.T) {
	l := parse(t, "10/s burst 5")
	r := rand.New(rand.NewPCG(9, 10))
	table, buckets := rate.NewTable(*l, 5000), map[rate.Key]*rate.Bucket{}
	var now time.Duration
	for range 200_000 {
		now += time.Duration(r.IntN(int(20 * time.Microsecond)))
		k, n := key(r.IntN(5000)), float64(r.IntN(7))
		b := buckets[k]
		if b == nil {
			b = new(rate.Bucket)
			buckets[k] = b
		}
		switch r.IntN(10) {
		case 0:
			if got, want := table.Wait(k, now, n), b.Wait(l, now, n); got != want {
				t.Fatalf("at %v: Wait(%v) is %v, want %v", now, n, got, want)
			}
		case 1:
			if got, want := table.Spend(k, now, n), b.Spend(l, now, n); got != want {
				t.Fatalf("at %v: Spend(%v) is %v, want %v", now, n, got, want)
			}
		case 2:
			table.Sweep(now)
		case 3:
			if b.Take(l, now, n) && table.Take(k, now, n) {
				table.Give(k, n)
				b.Give(l, n)
			}
		default:
			if got, want := table.Take(k, now, n), b.Take(l, now, n); got != want {
				t.Fatalf("at %v: Take(%v) is %v, want %v", now, n, got, want)
			}
		}
	}
	if table.Crowded() != 0 {
		t.Errorf("%d keys found no place", table.Crowded())
	}
}

// Keys that come and go by ever more than the table has room for at once: each finds a place, in no more memory.
func TestTableAges(t *testing.T) {
	const room = 20_000
	table := rate.NewTable(*parse(t, "1/s"), room)
	for i := range 20 * room {
		now := time.Duration(i) * time.Second / (room / 2) // half the room is in use
		if k := key(i); !table.Take(k, now, 1) || table.Take(k, now, 1) {
			t.Fatalf("key %d was not counted for itself", i)
		}
	}
	if table.Crowded() != 0 || table.Len() > 2*room {
		t.Errorf("%d keys held, %d found no place", table.Len(), table.Crowded())
	}
	for range 1024 { // all shards
		table.Sweep(time.Hour)
	}
	if table.Len() != 0 {
		t.Errorf("%d keys held after all have ended", table.Len())
	}
}

// Who finds no place passes uncounted; who has one is counted all the same.
func TestTableFull(t *testing.T) {
	for _, max := range []int{0, 1, 10, 1000, 3000, 50_000} {
		table, all := rate.NewTable(*parse(t, "1/s"), max), 4*max+16
		for i := range all {
			if !table.Take(key(i), 0, 1) {
				t.Errorf("room for %d: key %d was shut out", max, i)
			}
		}
		if held := table.Len(); held < max || held > 3*max+8 || table.Crowded() != uint64(all-held) {
			t.Errorf("room for %d: %d held, %d crowded", max, held, table.Crowded())
		}
		if table.Take(key(0), 0, 1) {
			t.Errorf("room for %d: a key held was forgotten", max)
		}
		newcomer := key(1 << 30)
		if table.Give(newcomer, 1); table.Spend(newcomer, 0, 1) != 0 || table.Len() > 3*max+8 {
			t.Errorf("room for %d: a newcomer is counted", max)
		}
		// All have ended: as many find a place again, at once.
		for i := range max {
			if !table.Take(key(i+1<<29), time.Minute, 1) || table.Take(key(i+1<<29), time.Minute, 1) {
				t.Fatalf("room for %d: key %d found no place after the flood", max, i)
			}
		}
	}
}

func TestTableEdges(t *testing.T) {
	table := rate.NewTable(*parse(t, "10/s"), 100)
	k := key(1)
	if table.Take(k, 0, 11) || table.Wait(k, 0, 11) != rate.Never || !table.Take(k, 0, 0) || table.Wait(k, 0, 10) != 0 || table.Spend(k, 0, -1) != 0 {
		t.Error("wrong about too much or nothing")
	}
	if table.Len() != 0 {
		t.Error("what took nothing is held")
	}
	if off := rate.NewTable(rate.Limit{}, 100); !off.Take(k, 0, 1e9) || off.Wait(k, 0, 1) != 0 || off.Spend(k, 0, 1) != 0 || off.Len() != 0 {
		t.Error("the zero Limit limits")
	}
}

// All goroutines together take no more than the limit.
func TestTableConcurrently(t *testing.T) {
	const keys, each = 50, 100
	table := rate.NewTable(*parse(t, strconv.Itoa(each)+"/h"), 5000)
	var took [keys]atomic.Int64
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 0))
			for i := range 20_000 {
				k := r.IntN(keys)
				if table.Take(key(k), 0, 1) {
					took[k].Add(1)
				}
				table.Take(key(1000+i%1500), time.Duration(i), 1)
				if i%100 == 0 {
					table.Sweep(0)
					table.Len()
				}
			}
		})
	}
	all.Wait()
	for k := range took {
		if n := took[k].Load(); n != each {
			t.Errorf("key %d: %d", k, n)
		}
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestMemoryOfAMillion(t *testing.T) {
	const n = 1_000_000
	before := heap()
	table := rate.NewTable(*parse(t, "1/s"), n)
	if empty := heap() - before; int64(empty) > 64<<10 {
		t.Errorf("%d bytes of an empty table", empty)
	}
	for i := range n {
		if !table.Take(key(i), 0, 1) {
			t.Fatalf("key %d found no place", i)
		}
	}
	used := heap() - before
	t.Logf("%d bytes a key", used/n)
	if used > 100_000_000 {
		t.Errorf("%d bytes", used)
	}
	if table.Len() != n {
		t.Errorf("%d keys held", table.Len())
	}
	for range 1024 { // all shards
		table.Sweep(time.Minute)
	}
	if left := int64(heap() - before); left > 256<<10 {
		t.Errorf("%d bytes are left after the flood", left)
	}
	runtime.KeepAlive(table)
}

func TestTableAllocatesNothing(t *testing.T) {
	table := rate.NewTable(*parse(t, "1000000/s"), 1000)
	table.Take(key(1), 0, 1)
	name := "auth0|user"
	if n := testing.AllocsPerRun(100, func() {
		table.Take(key(1), 0, 1)
		table.Wait(key(1), 0, 1)
		table.Spend(key(1), 0, 1)
		table.Take(rate.StringKey(name), 0, 1)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	// New keys, as many at a time as there is room for three quarters of.
	table = rate.NewTable(*parse(t, "1/s"), 1000)
	i := 0
	turnover := func() {
		if i++; !table.Take(key(i), time.Duration(i)*time.Second/750, 1) {
			t.Fatal("no place")
		}
	}
	for range 5000 {
		turnover()
	}
	if n := testing.AllocsPerRun(5000, turnover); n != 0 {
		t.Errorf("%v allocations for a new key", n)
	}
}

func BenchmarkTableTake(b *testing.B) {
	for _, keys := range []int{1, 1000, 1_000_000} {
		b.Run(strconv.Itoa(keys), func(b *testing.B) {
			table := rate.NewTable(*parse(b, "1000000/s"), keys)
			var now time.Duration
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				now += 2000
				table.Take(key(i*7919%keys), now, 1)
			}
		})
	}
}

// What one Sweep of a million keys' shard holds its lock for where nothing has ended.
func BenchmarkTableSweep(b *testing.B) {
	const keys = 1_000_000
	table := rate.NewTable(*parse(b, "1/s"), keys)
	for i := range keys {
		table.Take(key(i), 0, 1)
	}
	for b.Loop() {
		table.Sweep(0)
	}
}

// A flood of addresses never seen, which all find the table full.
func BenchmarkTableFlood(b *testing.B) {
	table := rate.NewTable(*parse(b, "1/h"), 100_000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		table.Take(key(i), 0, 1)
	}
}

// New addresses that find places of others, which have ended. At any time so many are in use: half the room, all, and
// close to all slots.
func BenchmarkTableTurnover(b *testing.B) {
	const room = 100_000
	for _, inUse := range []int{room / 2, room, 185_000} {
		b.Run(strconv.Itoa(inUse), func(b *testing.B) {
			table := rate.NewTable(*parse(b, "1/s"), room)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				table.Take(key(i), time.Duration(i)*time.Second/time.Duration(inUse), 1)
			}
		})
	}
}
